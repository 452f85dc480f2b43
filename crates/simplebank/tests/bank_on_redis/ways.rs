//! What each way of enqueueing a task loses: measured on real processes, and held against what is known of it.

use crate::auditor::users;
use crate::database::Database;
use crate::home::{Home, answer};
use crate::on_redis::lasting_redis;
use crate::place;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use std::collections::BTreeSet;
use std::fmt;

/// Sign-ups whose commit is late, and sign-ups whose commit fails.
const COMMITS: usize = 4;
/// Sign-ups whose process is killed right after the commit.
const CRASHES: usize = 3;
/// Ways that are tried at the same time: most of their time they wait for clocks.
const AT_ONCE: usize = 3;

/// A way of enqueueing, and what it is known for.
#[derive(Debug, Clone, Copy)]
struct Way {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// How late the commits are.
    late: &'static str,
    /// In the order of [`Measured::verdicts`].
    known: [Verdict; 3],
}

/// Whether a promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Kept,
    Mostly,
    Broken,
}

use Verdict::{Broken, Kept, Mostly};

const LATE: &str = "create_user.before_commit=delay(1s)";
const WAYS: [Way; 5] = [
    Way {
        name: "to Redis inside the transaction",
        settings: &[("TASK_DELIVERY", "direct"), ("TASK_PROCESS_IN", "0s")],
        late: LATE,
        known: [Broken, Broken, Kept],
    },
    Way {
        name: "to Redis after the commit",
        settings: &[("TASK_DELIVERY", "direct_no_tx"), ("TASK_PROCESS_IN", "0s")],
        late: LATE,
        known: [Kept, Kept, Broken],
    },
    Way {
        name: "inside, with a delay and retries",
        settings: &[("TASK_DELIVERY", "direct"), ("TASK_PROCESS_IN", "1s")],
        // Half of them later than the delay.
        late: "create_user.before_commit=2*delay(2s)",
        known: [Mostly, Broken, Kept],
    },
    Way { name: "outbox and relay", settings: &[], late: LATE, known: [Kept; 3] },
    Way {
        name: "the queue is the database",
        settings: &[("REDIS_ADDRESS", "")],
        late: LATE,
        known: [Kept; 3],
    },
];

/// What came of a way.
struct Measured {
    way: Way,
    /// Users without a mail.
    lost: usize,
    /// Tasks whose transaction was rolled back.
    ghosts: usize,
    /// Tasks that ran before their commit.
    early: usize,
}

impl Measured {
    /// No early run, no ghost, no loss.
    fn verdicts(&self) -> [Verdict; 3] {
        let early = match self.early {
            0 => Kept,
            COMMITS => Broken,
            _ => Mostly,
        };
        let kept = |count| if count == 0 { Kept } else { Broken };
        [early, kept(self.ghosts), kept(self.lost)]
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, lost, ghosts, early } = self;
        let [c1, c2, c3] = self.verdicts();
        let trials = format!("{COMMITS} late, {COMMITS} failing, {CRASHES} crashes");
        write!(f, "{} | {c1:?} | {c2:?} | {c3:?} | {trials} | {lost}/{ghosts}/{early}", way.name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_enqueueing_loses_what_it_is_known_for() {
    let trials = WAYS.map(|way| async move { tokio::spawn(measure(way)).await.unwrap() });
    let ways: Vec<Measured> = stream::iter(trials).buffered(AT_ONCE).collect().await;
    println!("on {}:", place::DATABASE);
    println!("way | C1 no early run | C2 no ghost | C3 no loss | trials | lost/ghost/early");
    ways.iter().for_each(|way| println!("{way}"));
    for way in &ways {
        assert_eq!(way.verdicts(), way.way.known, "{way}");
    }
}

async fn measure(way: Way) -> Measured {
    let redis = lasting_redis();
    let mut home = Home::on(&redis);
    home.settings.extend(way.settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    home.settings.push(("TASK_MISSING_USER", "retry".to_owned()));
    home.settings.push(("TASK_RETRY_DELAY", "300ms".to_owned()));
    let early = late_commits(&home, way.late).await;
    let ghosts = failing_commits(&home).await;
    crashes(&home).await;
    Measured { way, lost: without_a_mail(&home).await, ghosts, early }
}

/// Counts the tasks that ran before their commit.
async fn late_commits(home: &Home, plan: &str) -> usize {
    let bank = home.bank(&[("FAILPOINTS", plan)]).await;
    let everybody: Vec<String> = (0..COMMITS).map(|number| format!("late{number}")).collect();
    for username in &everybody {
        assert_eq!(bank.sign_up(username).await.0, StatusCode::OK);
    }
    until_idle(home).await;
    failed(&bank.into_process().stop().await.stderr, &everybody)
}

/// Counts the tasks that ran for nobody.
async fn failing_commits(home: &Home) -> usize {
    let plan = format!("create_user.before_commit={COMMITS}*error(disk full)");
    let bank = home.bank(&[("FAILPOINTS", &plan), ("TASK_MAX_RETRY", "1")]).await;
    let everybody: Vec<String> = (0..COMMITS).map(|number| format!("nobody{number}")).collect();
    for username in &everybody {
        assert_eq!(bank.sign_up(username).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
    // Whatever the failed ones left would be taken before what this one leaves.
    assert_eq!(bank.sign_up("somebody").await.0, StatusCode::OK);
    bank.line("processed task email=somebody@email.com").await;
    until_idle(home).await;
    failed(&bank.into_process().stop().await.stderr, &everybody)
}

/// Has processes die right after a commit, and another one do what they left.
async fn crashes(home: &Home) {
    for number in 0..CRASHES {
        let server = home.serve(&[("FAILPOINTS", "create_user.after_commit=kill")]).await;
        answer(server.create_user(&format!("crash{number}"))).await.unwrap_err();
        server.into_process().ended().await;
    }
    let bank = home.bank(&[]).await;
    until_idle(home).await;
    assert!(bank.into_process().stop().await.status.success());
}

async fn until_idle(home: &Home) {
    let database = Database::open(home).await;
    database.until_idle().await;
    database.close().await;
}

/// Counts those of whose tasks an attempt has failed.
fn failed(log: &[String], usernames: &[String]) -> usize {
    let failures: Vec<&String> = log.iter().filter(|line| line.contains("process task failed")).collect();
    usernames.iter().filter(|name| failures.iter().any(|line| line.contains(&***name))).count()
}

async fn without_a_mail(home: &Home) -> usize {
    let database = Database::open(home).await;
    let users = users(&database).await;
    database.close().await;
    assert_eq!(users.len(), COMMITS + 1 + CRASHES, "{users:?}");
    let reached: BTreeSet<String> = home.mails().into_iter().map(|mail| mail.to).collect();
    users.iter().filter(|(_, address)| !reached.contains(address)).count()
}
