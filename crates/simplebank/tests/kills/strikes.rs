//! Trials in which a server fails in the middle of a stream of sign-ups, and the bank does not.

use crate::auditor::{Findings, judge};
use crate::database::Database;
use crate::home::{Home, Server};
use crate::knobs::number;
use crate::table::{Row, Table};
use crate::trial::Outcome;
use futures_util::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::fmt;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a server is away.
pub(crate) const AWAY: Duration = Duration::from_secs(1);
/// About as long as a bank is busy with the sign-ups of a trial.
const BUSY: Duration = Duration::from_millis(300);
/// The lines that explain why a task ran twice.
const EXPLANATIONS: [&str; 3] =
    ["recovered a task from a lost worker", "lease lost", "could not write down a task's outcome"];

/// The trials of a test.
#[derive(Debug)]
pub(crate) struct Trials<F: 'static> {
    /// Where the bank has its data and its tasks.
    pub(crate) place: String,
    /// What happens to the server, and what a reader calls it.
    pub(crate) faults: &'static [(F, &'static str)],
    /// Trials of each fault, unless the environment's `KILL_RUNS` says otherwise.
    pub(crate) runs: u64,
    /// Trials at the same time.
    pub(crate) at_once: usize,
    /// How soon everything is done after the server is back.
    pub(crate) recovered: Duration,
}

impl<F: Copy> Trials<F> {
    /// Runs them, each with a seed of its own, shows their table, and fails unless the bank was faultless in all.
    pub(crate) async fn run<T>(self, trial: impl Fn(F, u64) -> T)
    where
        T: Future<Output = Outcome> + Send + 'static,
    {
        let Self { place, faults, runs, at_once, recovered } = self;
        let runs = number("KILL_RUNS").unwrap_or(runs);
        let first_seed = number("KILL_SEED").unwrap_or_else(rand::random);
        println!("on {place}: KILL_RUNS={runs} KILL_SEED={first_seed}");
        let trials =
            faults.iter().flat_map(|(fault, _)| (0..runs).map(|run| (*fault, first_seed.wrapping_add(run))));
        let trials = trials.map(|(fault, seed)| {
            let trial = trial(fault, seed);
            async move { tokio::spawn(trial).await.unwrap() }
        });
        let outcomes: Vec<Outcome> = stream::iter(trials).buffered(at_once).collect().await;

        let runs = usize::try_from(runs).unwrap();
        let rows: Vec<Row> =
            faults.iter().zip(outcomes.chunks(runs)).map(|((_, name), of)| Row::of(name, of)).collect();
        println!("{}", Table(&rows));
        for Outcome { findings, complaint, recovery, story } in &outcomes {
            println!("{}", story.lines().next().unwrap_or_default());
            assert_eq!((findings.faults(), complaint), (0, &None), "{findings:?}: {story}");
            assert!(*recovery < recovered, "recovery took {recovery:?}: {story}");
        }
    }
}

/// What is left when a trial is over.
#[derive(Debug)]
pub(crate) struct Struck<A> {
    /// What the clients were told.
    pub(crate) answers: A,
    pub(crate) findings: Findings,
    /// From the end of the fault until nothing was left to do.
    pub(crate) recovery: Duration,
    /// The fault, and when it happened.
    pub(crate) story: String,
}

/// Strikes while everybody signs up, at a moment that the seed decides, and judges the bank once it is at rest.
pub(crate) async fn strike_while<A>(
    home: &Home,
    bank: &Server,
    everybody: &[String],
    (fault, seed): (impl fmt::Debug, u64),
    sign_up: impl Future<Output = A>,
    strike: impl Future<Output = ()>,
) -> Struck<A> {
    let moment = StdRng::seed_from_u64(seed).random_range(Duration::ZERO..BUSY);
    let striking = async {
        sleep(moment).await;
        strike.await;
        Instant::now()
    };
    let (answers, back) = tokio::join!(sign_up, striking);
    let database = Database::open(home).await;
    database.until_idle().await;
    let recovery = back.elapsed();
    let mut findings = judge(home, &database, &[], &everybody.iter().cloned().collect()).await;
    database.close().await;
    count_copies(&mut findings, bank).await;
    Struck { answers, findings, recovery, story: format!("{fault:?}, seed {seed}, after {moment:?}") }
}

/// Counts copies and their reasons by the log: nobody died, so there is no earlier state to compare with.
async fn count_copies(findings: &mut Findings, bank: &Server) {
    let processed = bank.lines("processed task email=", findings.users).await;
    findings.duplicates = processed.len().saturating_sub(findings.users);
    let explained: usize = EXPLANATIONS.iter().map(|words| bank.matching(words).len()).sum();
    findings.unexplained = findings.duplicates.saturating_sub(explained);
}
