//! How soon a task starts on an idle worker: after an enqueue, and after the commit of its host's transaction.

use anyhow::Result;

use super::peers::Settings;
use super::{Bench, Peer, relay};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::add_all;

/// From whose transaction to which worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Commit {
    SameProcess,
    OtherProcess,
    /// Through the outbox, a relay of its own, and Redis.
    ThroughRedis,
}

impl Commit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SameProcess => "same process",
            Self::OtherProcess => "another process",
            Self::ThroughRedis => "through the outbox to Redis",
        }
    }
}

const NAMES: [&str; 2] = ["p50_ms", "p99_ms"];
/// One task every 250 ms or so.
const PACE: &str = "--per-second 4 --jitter 0.2";

fn rows(name: &str, limit: &'static str, p50: Option<Goal>, p99: Goal) -> [Row; 2] {
    let mut rows = [50, 99].map(|percent| Row::new(format!("{name}, p{percent}"), "ms", limit));
    rows[0].goals.extend(p50);
    rows[1].goals.push(p99);
    rows
}

/// From another process.
pub(super) async fn idle(bench: &Bench) -> Result<Vec<Row>> {
    let limit = "the flush of the enqueue, a notification, the claim with its own flush";
    let mut rows = rows("idle pick-up", limit, Some(Goal::at_most(1.5, 1.5)), Goal::at_most(10.0, 10.0));
    let tasks = bench.scope.count(60, 24) + 2;
    let peers =
        [Peer::Ours, Peer::River(Settings::Best), Peer::Graphile(Settings::Best), Peer::Boss(Settings::Best)];
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&peers) {
            let url = bench.server.fresh(&bench.peers, peer).await?;
            // The first few find connections that are new.
            let words = format!("lateness --postgres {url} --tasks {tasks} --skip 2 {}", peer.idle());
            let worker = bench.peers.work(peer, &words).await?;
            let tuned = if matches!(peer, Peer::Boss(Settings::Best)) { " --tuned" } else { "" };
            let pace = format!("pace --postgres {url} --tasks {tasks} {PACE}{tuned}");
            let (paced, measured) = tokio::join!(bench.peers.run(peer, &pace), worker.measured());
            paced?;
            add_all(&mut rows, &NAMES, peer, &measured?)?;
        }
    }
    Ok(rows.into())
}

/// Counted from before the host's transaction, so that its statements and its commit are part of it.
pub(super) async fn commit(bench: &Bench, commit: Commit) -> Result<Vec<Row>> {
    let name = format!("commit to start, {}", commit.name());
    let limit = "the whole transaction of the host is counted too: two statements and a flush";
    let most = if matches!(commit, Commit::ThroughRedis) { 50.0 } else { 10.0 };
    let mut rows = rows(&name, limit, None, Goal::at_most(most, most));
    let tasks = bench.scope.count(60, 24) + 2;
    for _ in 0..bench.scope.runs {
        let url = bench.server.fresh(&bench.peers, Peer::Ours).await?;
        let words = format!("--tasks {tasks} --skip 2");
        let pace = format!("pace --postgres {url} --tasks {tasks} {PACE} --way");
        let measured = match commit {
            Commit::SameProcess => {
                let both = format!("both --postgres {url} {words} {PACE}");
                bench.peers.run(Peer::Ours, &both).await?
            }
            Commit::OtherProcess => {
                let words = format!("lateness --postgres {url} {words}");
                let worker = bench.peers.work(Peer::Ours, &words).await?;
                let pace = format!("{pace} transaction");
                let (paced, measured) = tokio::join!(bench.peers.run(Peer::Ours, &pace), worker.measured());
                paced?;
                measured?
            }
            Commit::ThroughRedis => {
                let redis = relay::Redis::start()?;
                let relay = relay::work(bench, &redis, &url, tasks).await?;
                let words = format!("lateness --redis {} {words}", redis.addr());
                let worker = bench.peers.work(Peer::Ours, &words).await?;
                let pace = format!("{pace} outbox");
                let (paced, measured) = tokio::join!(bench.peers.run(Peer::Ours, &pace), worker.measured());
                paced?;
                relay.measured().await?;
                measured?
            }
        };
        add_all(&mut rows, &NAMES, Peer::Ours, &measured)?;
    }
    Ok(rows.into())
}
