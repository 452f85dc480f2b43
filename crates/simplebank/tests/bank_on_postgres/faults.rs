//! Postgres fails in the middle of a stream of sign-ups. Clients ask again under their keys until they are answered, and
//! the auditor judges what is left.

use crate::auditor::Findings;
use crate::home::{Home, Server, answer};
use crate::strikes::{AWAY, Struck, Trials, strike_while};
use crate::trial::Outcome;
use crate::{QUEUE, with_queue};
use aftercommit_servers::{PostgresServer, Shutdown};
use futures_util::future::join_all;
use reqwest::StatusCode;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// Trials of each fault, unless the environment's `KILL_RUNS` says otherwise.
const RUNS: u64 = 2;
/// Trials at the same time: each has a Postgres of its own.
const AT_ONCE: usize = 2;
/// Sign-ups of a trial.
const SIGN_UPS: usize = 60;
/// Clients, each with one request under way.
const CLIENTS: usize = 4;
/// How long a client waits before it asks again.
const PAUSE: Duration = Duration::from_millis(50);
/// The bounds that the bank is given, and what they come to for a request that meets both, on a busy machine.
const BOUNDS: [(&str, &str); 3] =
    [("DB_ACQUIRE_TIMEOUT", "1s"), ("DB_STATEMENT_TIMEOUT", "2s"), ("TASK_RETRY_DELAY", "200ms")];
const ANSWERED: Duration = Duration::from_secs(10);
/// How soon everything is done after Postgres is back.
const RECOVERED: Duration = Duration::from_secs(60);
/// The answers that tell a client to ask again.
const LATER: [StatusCode; 3] =
    [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT];
/// What an attempt says that finds no database, or one that has just come back to a queue of those who waited for it.
const FAILED: [&str; 2] = [
    "process task failed error=\"the database is not available, retry later",
    "process task failed error=\"server is busy, retry later",
];

/// What happens to Postgres.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Stopped,
    Killed,
    Restarted,
    Terminated,
    Frozen,
}

const FAULTS: [(Fault, &str); 5] = [
    (Fault::Stopped, "Postgres stopped, started after 1 s"),
    (Fault::Killed, "Postgres killed, started after 1 s"),
    (Fault::Restarted, "Postgres restarted at once"),
    (Fault::Terminated, "all backends terminated"),
    (Fault::Frozen, "Postgres frozen for 1 s"),
];

impl Fault {
    /// Postgres fails, and after a while is as before.
    async fn strike(self, postgres: &mut PostgresServer) {
        // It takes as long as a start and a stop take, in which the clients of the other trials must go on.
        block_in_place(|| self.begin(postgres));
        if !matches!(self, Self::Terminated | Self::Restarted) {
            sleep(AWAY).await;
        }
        block_in_place(|| self.end(postgres));
    }

    fn begin(self, postgres: &mut PostgresServer) {
        match self {
            Self::Stopped => postgres.stop(Shutdown::Fast).unwrap(),
            Self::Killed => postgres.kill().unwrap(),
            Self::Restarted => postgres.stop(Shutdown::Immediate).unwrap(),
            Self::Terminated => drop(postgres.terminate_backends().unwrap()),
            Self::Frozen => postgres.pause(),
        }
    }

    fn end(self, postgres: &mut PostgresServer) {
        match self {
            Self::Stopped | Self::Killed | Self::Restarted => postgres.start_again().unwrap(),
            Self::Frozen => postgres.resume(),
            Self::Terminated => {}
        }
    }
}

/// What clients were told beside 200, and how long they waited.
#[derive(Debug, Default)]
struct Refusals {
    by_answer: BTreeMap<String, usize>,
    unexpected: usize,
    slowest: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_postgres_loses_a_mail_or_makes_two_users_tasks_or_codes_of_one_request() {
    Trials {
        place: format!("Postgres, {QUEUE}"),
        faults: &FAULTS,
        runs: RUNS,
        at_once: AT_ONCE,
        recovered: RECOVERED,
    }
    .run(run)
    .await;
}

async fn run(fault: Fault, seed: u64) -> Outcome {
    let mut postgres = block_in_place(|| PostgresServer::builder().durable().start().unwrap());
    let mut home = Home::new();
    home.settings.push(("DB_SOURCE", postgres.database_url().unwrap()));
    let _queue = with_queue(&mut home);
    let bank = home.bank(&BOUNDS).await;
    let everybody: Vec<String> = (0..SIGN_UPS).map(|number| format!("user{number}")).collect();
    let signing_up = sign_up(&bank, &everybody);
    let strike = fault.strike(&mut postgres);
    let struck = strike_while(&home, &bank, &everybody, (fault, seed), signing_up, strike).await;
    let Struck { answers: refusals, mut findings, recovery, story } = struck;
    excuse_attempts_without_a_database(&mut findings, &bank);
    let complaint = (refusals.unexpected > 0 || refusals.slowest > ANSWERED).then(|| format!("{refusals:?}"));
    let story = format!("{story}: {refusals:?}\n{}", bank.log());
    Outcome { findings, complaint, recovery, story }
}

impl Refusals {
    fn add(&mut self, other: Self) {
        for (answer, count) in other.by_answer {
            *self.by_answer.entry(answer).or_default() += count;
        }
        self.unexpected += other.unexpected;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Several clients sign everybody up, and each asks until it is answered with 200.
async fn sign_up(bank: &Server, usernames: &[String]) -> Refusals {
    let mut sum = Refusals::default();
    for refusals in join_all((0..CLIENTS).map(|client| serve(bank, usernames, client))).await {
        sum.add(refusals);
    }
    sum
}

/// One client, and its share of the users.
async fn serve(bank: &Server, usernames: &[String], client: usize) -> Refusals {
    let mut refusals = Refusals::default();
    for username in usernames.iter().skip(client).step_by(CLIENTS) {
        while !is_answered(bank, username, &mut refusals).await {
            sleep(PAUSE).await;
        }
    }
    refusals
}

async fn is_answered(bank: &Server, username: &str, refusals: &mut Refusals) -> bool {
    let asked = Instant::now();
    let request = bank.create_user(username).header("idempotency-key", username);
    let (status, body) = answer(request).await.unwrap();
    refusals.slowest = refusals.slowest.max(asked.elapsed());
    if status == StatusCode::OK {
        return true;
    }
    refusals.unexpected += usize::from(!LATER.contains(&status));
    *refusals.by_answer.entry(format!("{} {}", status.as_u16(), body["message"])).or_default() += 1;
    false
}

/// Leaves of the failed attempts those that found a database.
fn excuse_attempts_without_a_database(findings: &mut Findings, bank: &Server) {
    // An attempt that finds no database fails, and counts as processed like any other.
    findings.unsettled = findings.unsettled.abs_diff(findings.burnt);
    let failed: usize = FAILED.iter().map(|words| bank.matching(words).len()).sum();
    findings.burnt = findings.burnt.saturating_sub(failed);
}
