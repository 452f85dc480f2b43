//! A worker: asynq's Server, or ours.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{GoProcess, Program, Redis};

/// A worker's settings; `None` leaves one to the program. Ours has nothing to look for at intervals, and passes those over.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Tasks at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Queues and their weights; empty is `default`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queues: BTreeMap<String, i32>,
    /// Whether weights are an order.
    pub strict: bool,
    /// A fixed pause before each retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_delay_ms: Option<u64>,
    /// How long a stop waits for tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout_ms: Option<u64>,
    /// How often due tasks are looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delayed_check_ms: Option<u64>,
    /// The pause of an idle server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_check_ms: Option<u64>,
    /// How often completed tasks are cleared away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub janitor_interval_ms: Option<u64>,
    /// How many are cleared away at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub janitor_batch: Option<u32>,
    /// `debug`, `info`, `warn`, `error` or `fatal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Aggregation; off without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
}

/// When a group is complete.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// How long nothing may have come; a second at least.
    pub grace_ms: u64,
    /// How long the first may have waited; 0 is for ever.
    pub max_delay_ms: u64,
    /// How many may have come; 0 is any number.
    pub max_size: u32,
    /// How long the aggregated task is kept.
    pub retention_ms: u64,
    /// Whether the aggregator never ends, so that one can see what becomes of its tasks when the worker dies.
    pub hangs: bool,
}

/// A running worker, in Go or in Rust. What a task does is said by the prefix of its type; `interop/go/README.md` lists
/// them.
#[derive(Debug)]
pub struct Worker {
    process: GoProcess,
    /// Its process id.
    pub pid: u32,
}

impl Worker {
    /// Starts asynq's and waits until it runs. Executions are appended to `effects`.
    pub async fn start_go(redis: &Redis, config: &Config, effects: &Path) -> anyhow::Result<Self> {
        let args = [vec!["worker".to_owned()], Self::args(redis, config, effects)?].concat();
        Self::ready(GoProcess::start(Program::Go, &args).await?).await
    }

    /// Starts ours, `interop-rust`, which lies at `program`.
    pub async fn start_rust(
        program: &Path,
        redis: &Redis,
        config: &Config,
        effects: &Path,
    ) -> anyhow::Result<Self> {
        Self::ready(GoProcess::start_at(program, &Self::args(redis, config, effects)?)?).await
    }

    fn args(redis: &Redis, config: &Config, effects: &Path) -> anyhow::Result<Vec<String>> {
        let effects = effects.to_str().context("the path of the effect log is UTF-8")?;
        let config = serde_json::to_string(config)?;
        let own = ["--config".to_owned(), config, "--effects".to_owned(), effects.to_owned()];
        Ok([redis.args(), own.to_vec()].concat())
    }

    async fn ready(mut process: GoProcess) -> anyhow::Result<Self> {
        let pid = process.ready().await?.pid;
        Ok(Self { process, pid })
    }

    /// Lets it fetch no more (SIGTSTP).
    pub fn quiet(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::TSTP)
    }

    /// Stops it gracefully.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }

    /// Kills it (SIGKILL).
    pub async fn kill(self) -> anyhow::Result<()> {
        self.process.kill().await
    }
}
