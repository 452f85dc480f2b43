//! asynq's Scheduler.

use std::time::Duration;

use serde::Serialize;

use crate::{GoProcess, Program, Redis, Task};

/// What to enqueue, and when.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// A cron expression, `@every 1s`, `@daily`.
    pub spec: String,
    /// The task.
    pub task: Task,
}

/// A running `interop-go scheduler`.
#[derive(Debug)]
pub struct GoScheduler {
    process: GoProcess,
    /// The ids of its entries, in the order in which they were given.
    pub entries: Vec<String>,
}

impl GoScheduler {
    /// Starts it. Its records are in Redis after the first heartbeat, which is a multiple of half a second: asynq lets them
    /// live for two heartbeats, and Redis takes whole seconds only.
    pub async fn start(redis: &Redis, entries: &[Entry], heartbeat: Duration) -> anyhow::Result<Self> {
        let mut args = redis.args_for("scheduler");
        args.extend(["--entries".to_owned(), serde_json::to_string(entries)?]);
        args.extend(["--heartbeat".to_owned(), format!("{}ms", heartbeat.as_millis())]);
        let mut process = GoProcess::start(Program::Go, &args).await?;
        let entries = process.ready().await?.entries;
        Ok(Self { process, entries })
    }

    /// Stops it gracefully.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }

    /// Kills it (SIGKILL), so that its records stay.
    pub async fn kill(self) -> anyhow::Result<()> {
        self.process.kill().await
    }
}
