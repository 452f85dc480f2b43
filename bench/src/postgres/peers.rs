//! Who is measured on Postgres, and with which settings.

use anyhow::Result;

use crate::halves::Column;
use crate::{halves, toolchain};

pub(super) type Programs = halves::Programs<Peer>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    Ours,
    /// The bare limit.
    Bare,
    /// River, in Go.
    River(Settings),
    /// graphile-worker, in JavaScript.
    Graphile(Settings),
    /// pg-boss, in JavaScript.
    Boss(Settings),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// The best that were found on this kind of machine.
    Best,
    /// As they are when nothing is said.
    Default,
}

use Settings::{Best, Default};

impl Peer {
    /// Ours, the bare limit, and the others at their best.
    pub(super) const BEST: [Self; 5] =
        [Self::Ours, Self::Bare, Self::River(Best), Self::Graphile(Best), Self::Boss(Best)];
    /// The others as they are when nothing is said.
    pub(super) const DEFAULT: [Self; 3] =
        [Self::River(Default), Self::Graphile(Default), Self::Boss(Default)];

    /// What its database is called.
    pub(super) const fn database(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare",
            Self::River(_) => "river",
            Self::Graphile(_) => "graphile",
            Self::Boss(Best) => "boss",
            Self::Boss(Default) => "boss_default",
        }
    }

    /// The words that set it for draining a backlog.
    pub(super) fn drain(self, concurrency: usize) -> String {
        match self {
            Self::River(Best) => "--concurrency 10000 --cooldown 1ms --poll 50ms".to_owned(),
            Self::Graphile(Best) | Self::Boss(Best) => format!("--concurrency {concurrency} --tuned"),
            _ => format!("--concurrency {concurrency}"),
        }
    }

    /// The words that set it for a worker that mostly waits.
    pub(super) const fn idle(self) -> &'static str {
        match self {
            Self::River(Best) => "--concurrency 10 --cooldown 1ms --poll 50ms",
            Self::Boss(Best) => "--concurrency 10 --tuned",
            // Its local queue and its batches save work, and no time.
            _ => "--concurrency 10",
        }
    }

    /// The words that make its tables.
    pub(super) const fn prepare(self) -> &'static str {
        match self {
            Self::Boss(Best) => "--tuned",
            _ => "",
        }
    }

    pub(super) const KNOBS: &str = "River at its best: FetchCooldown 1 ms, FetchPollInterval 50 ms, MaxWorkers 10,000 (10 \
        when idle), InsertManyFast; graphile-worker at its best: localQueue 500, completeJobBatchDelay 0, addJobs (idle: \
        defaults); pg-boss at its best: batchSize 1,000, localConcurrency 2, burstWhenBatchFull, LISTEN/NOTIFY, insert";
}

impl halves::Peer for Peer {
    fn column(self) -> Column {
        match self {
            Self::Ours => Column::Ours,
            Self::Bare => Column::Bare,
            Self::River(Best) => Column::Other("River"),
            Self::River(Default) => Column::Other("River, defaults"),
            Self::Graphile(Best) => Column::Other("graphile-worker"),
            Self::Graphile(Default) => Column::Other("graphile-worker, defaults"),
            Self::Boss(Best) => Column::Other("pg-boss"),
            Self::Boss(Default) => Column::Other("pg-boss, defaults"),
        }
    }
}

/// Builds the programs whose toolchains are installed.
pub(super) async fn build(into: &std::path::Path) -> Result<Programs> {
    let mut programs = Programs::ours()?;
    programs.add("River", &[Peer::River(Best), Peer::River(Default)], toolchain::go("river", into).await);
    let graphile = toolchain::node("graphile-worker.js").await;
    programs.add("graphile-worker", &[Peer::Graphile(Best), Peer::Graphile(Default)], graphile);
    let boss = toolchain::node("pg-boss.js").await;
    programs.add("pg-boss", &[Peer::Boss(Best), Peer::Boss(Default)], boss);
    Ok(programs)
}
