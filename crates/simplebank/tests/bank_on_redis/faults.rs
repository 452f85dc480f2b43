//! Redis fails in the middle of a stream of sign-ups, and the auditor judges what is left.

use crate::auditor::{Findings, judge};
use crate::database::Database;
use crate::home::{Home, Server};
use crate::knobs::number;
use crate::on_redis::{lasting_redis, users};
use crate::place;
use crate::table::{Row, Table};
use crate::trial::Outcome;
use aftercommit_servers::RedisServer;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Trials of each fault, unless the environment's `KILL_RUNS` says otherwise.
const RUNS: u64 = 3;
/// Trials at the same time.
const AT_ONCE: usize = 4;
/// Sign-ups of a trial.
const SIGN_UPS: usize = 100;
/// Requests under way at the same time.
const REQUESTS: usize = 4;
/// How long Redis is away.
const AWAY: Duration = Duration::from_secs(1);
/// How soon everything is done after Redis is back: what it forgot to whom it gave is noticed by the worker's presence
/// and by the ends of leases.
const RECOVERED: Duration = Duration::from_secs(35);
/// The lines that explain why a task ran twice.
const EXPLANATIONS: [&str; 3] =
    ["recovered a task from a lost worker", "lease lost", "could not write down a task's outcome"];

/// What happens to Redis.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Stopped,
    Killed,
    Frozen,
    Disconnected,
    OutOfMemory,
    Forgetful,
}

const FAULTS: [(Fault, &str); 6] = [
    (Fault::Stopped, "Redis stopped, started after 1 s"),
    (Fault::Killed, "Redis killed, started after 1 s with its AOF"),
    (Fault::Frozen, "Redis frozen for 1 s"),
    (Fault::Disconnected, "all connections cut by CLIENT KILL"),
    (Fault::OutOfMemory, "Redis out of memory for 1 s"),
    (Fault::Forgetful, "all scripts forgotten"),
];

impl Fault {
    /// Redis fails, and after a while is as before.
    async fn strike(self, redis: &mut RedisServer) {
        let command = |redis: &RedisServer, words: &[&str]| drop(redis.command(words).unwrap());
        match self {
            Self::Stopped => redis.stop().unwrap(),
            Self::Killed => redis.kill().unwrap(),
            Self::Frozen => redis.pause(),
            Self::Disconnected => command(redis, &["CLIENT", "KILL", "TYPE", "normal"]),
            Self::OutOfMemory => command(redis, &["CONFIG", "SET", "maxmemory", "1"]),
            Self::Forgetful => command(redis, &["SCRIPT", "FLUSH"]),
        }
        if !matches!(self, Self::Disconnected | Self::Forgetful) {
            sleep(AWAY).await;
        }
        match self {
            Self::Stopped | Self::Killed => redis.start_again().unwrap(),
            Self::Frozen => redis.resume(),
            Self::OutOfMemory => command(redis, &["CONFIG", "SET", "maxmemory", "0"]),
            Self::Disconnected | Self::Forgetful => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_redis_loses_a_mail_or_makes_two_codes() {
    let runs = number("KILL_RUNS").unwrap_or(RUNS);
    let first_seed = number("KILL_SEED").unwrap_or_else(rand::random);
    println!("on {} and Redis: KILL_RUNS={runs} KILL_SEED={first_seed}", place::DATABASE);
    let trials =
        FAULTS.iter().flat_map(|(fault, _)| (0..runs).map(|run| (*fault, first_seed.wrapping_add(run))));
    let trials = trials.map(|(fault, seed)| async move { tokio::spawn(run(fault, seed)).await.unwrap() });
    let outcomes: Vec<Outcome> = stream::iter(trials).buffered(AT_ONCE).collect().await;

    let runs = usize::try_from(runs).unwrap();
    let rows: Vec<Row> =
        FAULTS.iter().zip(outcomes.chunks(runs)).map(|((_, name), of)| Row::of(name, of)).collect();
    println!("{}", Table(&rows));
    for Outcome { findings, complaint, recovery, story } in &outcomes {
        assert_eq!((findings.faults(), complaint), (0, &None), "{findings:?}: {story}");
        assert!(*recovery < RECOVERED, "recovery took {recovery:?}: {story}");
    }
}

async fn run(fault: Fault, seed: u64) -> Outcome {
    let mut random = StdRng::seed_from_u64(seed);
    let mut redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    let everybody = users(SIGN_UPS);
    let moment = random.random_range(Duration::ZERO..Duration::from_millis(300));
    let striking = async {
        sleep(moment).await;
        fault.strike(&mut redis).await;
        Instant::now()
    };
    let (refused, back) = tokio::join!(sign_up(&bank, &everybody), striking);
    let database = Database::open(&home).await;
    database.until_idle().await;
    let recovery = back.elapsed();
    let mut findings = judge(&home, &database, &[], &everybody.iter().cloned().collect()).await;
    database.close().await;
    explain(&mut findings, &bank).await;
    let complaint = (refused > 0).then(|| format!("{refused} sign-ups were not answered with 200"));
    let story = format!("{fault:?}, seed {seed}, after {moment:?}\n{}", bank.log());
    Outcome { findings, complaint, recovery, story }
}

/// Sends all requests, a few at a time, and counts those that are refused.
async fn sign_up(bank: &Server, usernames: &[String]) -> usize {
    let mut refused = 0;
    for some in usernames.chunks(REQUESTS) {
        let answers = join_all(some.iter().map(|name| bank.sign_up(name))).await;
        refused += answers.iter().filter(|(status, _)| *status != StatusCode::OK).count();
    }
    refused
}

/// Counts copies and their reasons by the log: nobody died, so there is no earlier state to compare with.
async fn explain(findings: &mut Findings, bank: &Server) {
    let processed = bank.lines("processed task email=", findings.users).await;
    findings.duplicates = processed.len().saturating_sub(findings.users);
    let explained: usize = EXPLANATIONS.iter().map(|words| bank.matching(words).len()).sum();
    findings.unexplained = findings.duplicates.saturating_sub(explained);
}
