//! Redis fails in the middle of a stream of sign-ups, and the auditor judges what is left.

use crate::home::{Home, Server};
use crate::on_redis::{lasting_redis, users};
use crate::place;
use crate::strikes::{AWAY, Struck, Trials, strike_while};
use crate::trial::Outcome;
use aftercommit_servers::RedisServer;
use futures_util::future::join_all;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::sleep;

/// Trials of each fault, unless the environment's `KILL_RUNS` says otherwise.
const RUNS: u64 = 3;
/// Trials at the same time.
const AT_ONCE: usize = 4;
/// Sign-ups of a trial.
const SIGN_UPS: usize = 100;
/// Requests under way at the same time.
const REQUESTS: usize = 4;
/// How soon everything is done after Redis is back: what it forgot to whom it gave is noticed by the worker's presence
/// and by the ends of leases.
const RECOVERED: Duration = Duration::from_secs(35);

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
    Trials {
        place: format!("{} and Redis", place::DATABASE),
        faults: &FAULTS,
        runs: RUNS,
        at_once: AT_ONCE,
        recovered: RECOVERED,
    }
    .run(run)
    .await;
}

async fn run(fault: Fault, seed: u64) -> Outcome {
    let mut redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    let everybody = users(SIGN_UPS);
    let signing_up = sign_up(&bank, &everybody);
    let strike = fault.strike(&mut redis);
    let struck = strike_while(&home, &bank, &everybody, (fault, seed), signing_up, strike).await;
    let Struck { answers: refused, findings, recovery, story } = struck;
    let complaint = (refused > 0).then(|| format!("{refused} sign-ups were not answered with 200"));
    let story = format!("{story}\n{}", bank.log());
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
