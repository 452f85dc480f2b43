//! Working through a backlog: its rate, and what it costs the worker and Postgres.

use anyhow::Result;

use super::peers::Settings;
use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::{add, add_all};

/// At which concurrency the others are measured with their default settings, once: they take long.
const WITH_DEFAULTS: usize = 100;

/// How many tasks a peer works through: enough for a second or more.
fn tasks(bench: &Bench, peer: Peer) -> usize {
    match peer {
        Peer::Ours | Peer::Bare => bench.scope.count(200_000, 60_000),
        Peer::River(Settings::Default) => 3_000,
        Peer::Graphile(Settings::Default) => 6_000,
        Peer::Boss(Settings::Default) => 500,
        _ => bench.scope.count(60_000, 40_000),
    }
}

pub(super) fn knobs(bench: &Bench) -> String {
    let [ours, best] = [Peer::Ours, Peer::River(Settings::Best)].map(|peer| tasks(bench, peer));
    format!(
        "drain: ours and bare {ours} tasks, the others {best}, from 10 % to 100 % handled (not: stored as done); \
         the bare loop twice, batch = concurrency + 200"
    )
}

pub(super) async fn measure(bench: &Bench, concurrency: usize) -> Result<Vec<Row>> {
    let name = |what: &str| format!("{what}, concurrency {concurrency}");
    let rate = Row::new(name("drain"), "tasks/s", "two statements and two flushes of the log per batch")
        .goal(Goal::times(2.0, 2.0))
        .goal(Goal::of_bare(0.60));
    let mut rows = [
        rate,
        Row::new(name("worker CPU"), "ms per 1,000", "one spawn per task, decoding, the driver"),
        Row::new(name("Postgres CPU"), "ms per 1,000", "rows written twice, and their index entries once"),
        Row::new(name("worker and Postgres CPU"), "ms per 1,000", "both").goal(Goal::share(0.5, 0.5)),
    ];
    for run in 0..bench.scope.runs {
        let mut peers = bench.peers.here(&Peer::BEST);
        if run == 0 && concurrency == WITH_DEFAULTS {
            peers.extend(bench.peers.here(&Peer::DEFAULT));
        }
        for peer in peers {
            one(bench, peer, concurrency, &mut rows).await?;
        }
    }
    Ok(rows.into())
}

async fn one(bench: &Bench, peer: Peer, concurrency: usize, rows: &mut [Row; 4]) -> Result<()> {
    let tasks = tasks(bench, peer);
    let url = bench.server.filled(&bench.peers, peer, tasks).await?;
    let before = bench.server.cpu_time()?;
    let words = format!("drain --postgres {url} --tasks {tasks} {}", peer.drain(concurrency));
    let measured = bench.peers.run(peer, &words).await?;
    let postgres = (bench.server.cpu_time()? - before).as_secs_f64() * 1e6 / tasks as f64;
    add_all(rows, &["tasks_per_second", "cpu_ms_per_1000"], peer, &measured)?;
    add(&mut rows[2], peer, postgres);
    add(&mut rows[3], peer, postgres + measured.get("cpu_ms_per_1000")?);
    Ok(())
}
