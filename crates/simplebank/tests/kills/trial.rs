//! One trial: several sign-ups at once, a kill in the middle of them, a restart, and the judgement.

use crate::auditor::{Findings, judge};
use crate::database::Database;
use crate::home::{Home, Server, answer};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SIGKILL: i32 = 9;
/// About as long as a bank is busy with the sign-ups of a trial.
const BUSY: Duration = Duration::from_millis(300);

/// Where the process dies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    /// What a reader calls it.
    pub(crate) name: &'static str,
    /// The fail-point; without one, a moment of no meaning.
    pub(crate) point: Option<&'static str>,
    /// At which hit of the fail-point; without one, at the one of any user.
    pub(crate) hit: Option<usize>,
    /// Who is killed there.
    pub(crate) victim: Victim,
}

/// The process that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// A bank that serves and works: besides the request or task at the point, any other may be cut short anywhere.
    Bank,
    /// A bank that only serves: nobody else is at work.
    Server,
}

/// What a trial came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) findings: Findings,
    /// What was wrong in the end, after the clients' repeats.
    pub(crate) complaint: Option<String>,
    /// From the death of the process until nothing was left to do, restart included.
    pub(crate) recovery: Duration,
    /// For a look at what happened.
    pub(crate) story: String,
}

/// Runs a scene. The seed decides how many sign up, and at which of them the process dies.
pub(crate) async fn run(home: &Home, scene: Scene, seed: u64) -> Outcome {
    let mut random = StdRng::seed_from_u64(seed);
    let sign_ups = random.random_range(4..=8);
    let any = random.random_range(1..=sign_ups);
    let at = scene.hit.unwrap_or(any);
    let plan = scene.point.map_or_else(String::new, |point| format!("{point}=kill@{at}"));
    let moment = scene.point.is_none().then(|| random.random_range(Duration::ZERO..BUSY));
    let settings = [("FAILPOINTS", &*plan)];
    let bank = match scene.victim {
        Victim::Bank => home.bank(&settings).await,
        Victim::Server => home.serve(&settings).await,
    };
    let everybody: Vec<String> = (0..sign_ups).map(|number| format!("user{number}")).collect();
    let (answered, ()) = tokio::join!(sign_up(&bank, &everybody), kill_after(&bank, moment));
    let dead = bank.into_process().ended().await;
    let died = Instant::now();
    assert_eq!(dead.status.signal(), Some(SIGKILL), "{scene:?}, seed {seed}: {}", dead.printed());
    let earlier = home.mails();

    let bank = home.bank(&[]).await;
    let database = Database::open(home).await;
    database.until_idle().await;
    let recovery = died.elapsed();
    let mut findings = judge(home, &database, &earlier, &answered).await;
    findings.unexplained = unexplained(&findings, &bank).await;

    // Who was not answered asks again with the same key, and then everybody is a user with one mail.
    let again = everybody.iter().filter(|name| !answered.contains(*name)).cloned().collect::<Vec<_>>();
    let answered_again = sign_up(&bank, &again).await;
    database.until_idle().await;
    let all = judge(home, &database, &earlier, &everybody.iter().cloned().collect()).await;
    database.close().await;
    let links = verify_all(home, &bank).await;
    let end = (answered_again.len(), all.users, links, all.faults());
    let complaint = (end != (again.len(), sign_ups, sign_ups, 0))
        .then(|| format!("{end:?} repeats were answered, users exist, links verify, faults: {all:?}"));
    let story = format!(
        "{scene:?}, seed {seed}, {plan:?} {moment:?}\n{}\n--- restarted\n{}",
        dead.printed(),
        bank.log()
    );
    Outcome { findings, complaint, recovery, story }
}

/// Kills the process when the time is over, unless it is to do that itself.
async fn kill_after(bank: &Server, moment: Option<Duration>) {
    if let Some(moment) = moment {
        sleep(moment).await;
        bank.signal(Signal::KILL);
    }
}

/// Sends all requests at once, and returns who was answered with 200.
async fn sign_up(bank: &Server, usernames: &[String]) -> BTreeSet<String> {
    let requests =
        usernames.iter().map(|name| answer(bank.create_user(name).header("idempotency-key", name)));
    let answers = join_all(requests).await;
    let accepted = usernames.iter().zip(answers).filter(|(_, answer)| match answer {
        Ok((status, _)) => *status == StatusCode::OK,
        // Nobody answers any more.
        Err(_) => false,
    });
    accepted.map(|(name, _)| name.clone()).collect()
}

/// Mails that were handed over again although no task was taken back from a dead worker.
async fn unexplained(findings: &Findings, bank: &Server) -> usize {
    // What a process has printed takes a moment to be read.
    let logged = bank.lines("handover=again", findings.duplicates).await.len();
    assert_eq!(findings.duplicates, logged, "each copy is logged as one: {}", bank.log());
    findings.duplicates.saturating_sub(bank.matching("recovered a task from a lost worker").len())
}

/// Follows every link, and counts those that verify.
async fn verify_all(home: &Home, bank: &Server) -> usize {
    let mails = home.mails();
    let answers = join_all(mails.iter().map(|mail| bank.get(mail.path_and_query()))).await;
    answers.into_iter().filter(|(status, _)| *status == StatusCode::OK).count()
}
