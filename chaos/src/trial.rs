//! One trial: a fleet, a load on it, faults by plan; then peace, and the audit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::auditor::{Case, Findings, judge};
use crate::effects;
use crate::fleet::{EFFECTS, Fleet, Keep};
use crate::keeper::Struck;
use crate::kind::FleetKind;
use crate::load::Load;
use crate::plan::{Planned, plan};
use crate::progress::Watcher;

/// How soon a fleet without faults must have done all that is left: a dead relay's claim ends after 10 s, a lease after
/// 3, an attempt may fail and be repeated, and the machine may have much else to do.
pub const DRAIN_BOUND: Duration = Duration::from_secs(60);
/// A queue has nobody to wake for being empty, so it is asked again after this long.
const AGAIN: Duration = Duration::from_millis(100);
/// How long the first server may take to answer.
const FIRST_ANSWER: Duration = Duration::from_secs(30);

/// What one trial is to be like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The configuration of the bank.
    pub kind: FleetKind,
    /// What the plan is made from.
    pub seed: u64,
    /// How many sign up.
    pub tasks: usize,
    /// How many faults are planned.
    pub faults: usize,
    /// Within which time both are spread.
    pub span: Duration,
    /// Settings of every process, over those of the fleet: to see what becomes of a bank that is set up another way.
    pub settings: Vec<(String, String)>,
}

/// What a trial came to.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The configuration.
    pub fleet: FleetKind,
    /// The seed of the plan.
    pub seed: u64,
    /// What the auditor found.
    pub findings: Findings,
    /// Faults that happened, by kind.
    pub struck: BTreeMap<String, u64>,
    /// Faults that were planned and did not happen: no process came to the sync point in time.
    pub missed: u64,
    /// From the last fault and the last answer until nothing was left to do, in milliseconds; `None` if something was
    /// left at the end of [`DRAIN_BOUND`].
    pub drained_ms: Option<u64>,
    /// From the first sign-up to that moment, in milliseconds.
    pub took_ms: u64,
    /// What a program of ours did that no fault explains.
    pub misdeeds: Vec<String>,
    /// Where the effect log and the journal are, if something is wrong.
    pub directory: Option<PathBuf>,
}

impl Outcome {
    /// Whether everything is as promised.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.faults() == 0 && self.drained_ms.is_some() && self.misdeeds.is_empty()
    }

    /// How many faults happened.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.struck.values().sum()
    }
}

/// Runs a trial from its beginning to the audit.
///
/// # Errors
/// The fleet cannot be started, or a store of it cannot be read: nothing is known then.
pub async fn run(setup: Setup, binary: &Path, watcher: &Watcher) -> anyhow::Result<Outcome> {
    let fleet =
        Fleet::start(setup.kind, binary, &setup.settings).await.context("the fleet does not start")?;
    let directory = fleet.path().to_owned();
    let broken_off = || format!("the run broke off; its journal is in {}", directory.display());
    run_on(fleet, setup, watcher).await.with_context(broken_off)
}

async fn run_on(mut fleet: Fleet, setup: Setup, watcher: &Watcher) -> anyhow::Result<Outcome> {
    let planned = plan(setup.seed, setup.kind, setup.faults, setup.span);
    first_answer(&fleet).await?;
    let fleet_running = Arc::new(fleet);
    let (progress, done) = watch::channel(0);
    let (count_strikes, struck_so_far) = watch::channel(0);
    let load = Load {
        servers: fleet_running.servers.clone().into(),
        sign_ups: setup.tasks,
        span: setup.span,
        journal: fleet_running.journal.clone(),
        progress,
        mails: fleet_running.sink.mails.clone(),
    };
    let started = Instant::now();
    let watching = watcher.follow(&setup, done, struck_so_far);
    let (ledger, strikes) =
        tokio::join!(load.run(), strike_all(Arc::clone(&fleet_running), planned, started, count_strikes));
    let (ledger, (struck, missed)) = (ledger?, strikes?);
    drop(watching);
    fleet = Arc::into_inner(fleet_running).expect("load and faults are over");

    let drained = drain(&fleet).await;
    let took_ms = millis(started.elapsed());
    fleet.stop_processes().await?;
    let books = fleet.books().await.context("the stores cannot be read")?;
    let effects = effects::read(&fleet.path().join(EFFECTS))?;
    let (evidence, misdeeds) = fleet.journal.close()?;
    let findings = judge(Case { ledger: &ledger, books: &books, effects: &effects, evidence: &evidence });
    let mut outcome = Outcome {
        fleet: setup.kind,
        seed: setup.seed,
        findings,
        struck,
        missed,
        drained_ms: drained.map(millis),
        took_ms,
        misdeeds,
        directory: None,
    };
    outcome.directory = fleet.end(if outcome.is_clean() { Keep::Nothing } else { Keep::Directory });
    Ok(outcome)
}

/// Waits until a server answers, whatever it says.
async fn first_answer(fleet: &Fleet) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{}/readyz", fleet.servers[0]);
    let started = Instant::now();
    while client.get(&url).send().await.is_err() {
        ensure!(started.elapsed() < FIRST_ANSWER, "no server answers");
        sleep(AGAIN).await;
    }
    Ok(())
}

type Strikes = (BTreeMap<String, u64>, u64);

/// Lets every fault happen at its moment, whether or not others still last.
async fn strike_all(
    fleet: Arc<Fleet>,
    planned: Vec<Planned>,
    started: Instant,
    so_far: watch::Sender<u64>,
) -> anyhow::Result<Strikes> {
    let mut strikes = JoinSet::new();
    for Planned { at, fault } in planned {
        let (fleet, so_far) = (Arc::clone(&fleet), so_far.clone());
        strikes.spawn(async move {
            sleep_until(started + at).await;
            let struck = fleet.strike(&fault).await.with_context(|| format!("{fault:?}"))?;
            so_far.send_modify(|count| *count += u64::from(struck == Struck::Yes));
            anyhow::Ok((fault.label(), struck))
        });
    }
    let (mut struck, mut missed) = (BTreeMap::new(), 0);
    while let Some(strike) = strikes.join_next().await {
        match strike?? {
            (label, Struck::Yes) => *struck.entry(label).or_default() += 1,
            (_, Struck::No) => missed += 1,
        }
    }
    Ok((struck, missed))
}

/// Waits until nothing is left to do.
async fn drain(fleet: &Fleet) -> Option<Duration> {
    let started = Instant::now();
    while started.elapsed() < DRAIN_BOUND {
        // A store that has just come back may not answer yet.
        if fleet.unfinished().await.is_ok_and(|unfinished| unfinished == 0) {
            return Some(started.elapsed());
        }
        sleep(AGAIN).await;
    }
    None
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("no run lasts that long")
}
