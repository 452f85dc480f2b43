//! asynq's Inspector, of either release.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::reply::Error;
use crate::{GoProcess, GroupInfo, Program, QueueInfo, Redis, ServerInfo, TaskInfo};

/// A running `inspector`.
#[derive(Debug)]
pub struct GoInspector {
    process: GoProcess,
}

/// Which part of a list; 0 leaves it to asynq: the first 30.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Page {
    /// From 1.
    pub page: u32,
    /// Items a page.
    pub size: u32,
}

/// Everything that an Inspector does. The methods of [`GoInspector`] ask the most frequent ones.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the methods of asynq's Inspector, under its names")]
pub enum Request<'a> {
    Queues,
    Groups {
        queue: &'a str,
    },
    QueueInfo {
        queue: &'a str,
    },
    History {
        queue: &'a str,
        days: u32,
    },
    TaskInfo {
        queue: &'a str,
        id: &'a str,
    },
    ListPending {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListActive {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListScheduled {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListRetry {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListArchived {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListCompleted {
        queue: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ListAggregating {
        queue: &'a str,
        group: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    Servers,
    SchedulerEntries,
    EnqueueEvents {
        entry: &'a str,
        #[serde(flatten)]
        page: Page,
    },
    ClusterKeySlot {
        queue: &'a str,
    },
    ClusterNodes {
        queue: &'a str,
    },
    RunTask {
        queue: &'a str,
        id: &'a str,
    },
    ArchiveTask {
        queue: &'a str,
        id: &'a str,
    },
    DeleteTask {
        queue: &'a str,
        id: &'a str,
    },
    CancelProcessing {
        id: &'a str,
    },
    PauseQueue {
        queue: &'a str,
    },
    UnpauseQueue {
        queue: &'a str,
    },
    DeleteQueue {
        queue: &'a str,
        force: bool,
    },
    UpdateTaskPayload {
        queue: &'a str,
        id: &'a str,
        #[serde(with = "crate::base64_bytes")]
        payload: Option<Vec<u8>>,
    },
    RunAllScheduled {
        queue: &'a str,
    },
    RunAllRetry {
        queue: &'a str,
    },
    RunAllArchived {
        queue: &'a str,
    },
    RunAllAggregating {
        queue: &'a str,
        group: &'a str,
    },
    ArchiveAllPending {
        queue: &'a str,
    },
    ArchiveAllScheduled {
        queue: &'a str,
    },
    ArchiveAllRetry {
        queue: &'a str,
    },
    ArchiveAllAggregating {
        queue: &'a str,
        group: &'a str,
    },
    DeleteAllPending {
        queue: &'a str,
    },
    DeleteAllScheduled {
        queue: &'a str,
    },
    DeleteAllRetry {
        queue: &'a str,
    },
    DeleteAllArchived {
        queue: &'a str,
    },
    DeleteAllCompleted {
        queue: &'a str,
    },
    DeleteAllAggregating {
        queue: &'a str,
        group: &'a str,
    },
}

impl GoInspector {
    /// Starts the newest release's.
    pub async fn start(redis: &Redis) -> anyhow::Result<Self> {
        Self::start_of(Program::Go, redis).await
    }

    /// Starts that of 0.25.1, which knows no headers and takes no fraction in a score.
    pub async fn start_025(redis: &Redis) -> anyhow::Result<Self> {
        Self::start_of(Program::Go025, redis).await
    }

    async fn start_of(program: Program, redis: &Redis) -> anyhow::Result<Self> {
        Ok(Self { process: GoProcess::start(program, &redis.args_for("inspector")).await? })
    }

    /// Asks for anything. What changes one thing answers `()`, what changes all of a state how many.
    pub async fn ask<T: DeserializeOwned>(&mut self, request: Request<'_>) -> Result<T, Error> {
        self.process.ask(&request).await
    }

    /// The names of all queues.
    pub async fn queues(&mut self) -> Result<Vec<String>, Error> {
        self.ask(Request::Queues).await
    }

    /// A queue's numbers.
    pub async fn queue(&mut self, queue: &str) -> Result<QueueInfo, Error> {
        self.ask(Request::QueueInfo { queue }).await
    }

    /// A queue's groups.
    pub async fn groups(&mut self, queue: &str) -> Result<Vec<GroupInfo>, Error> {
        self.ask(Request::Groups { queue }).await
    }

    /// A task; `None` if it is not there.
    pub async fn task(&mut self, queue: &str, id: &str) -> Result<Option<TaskInfo>, Error> {
        match self.ask(Request::TaskInfo { queue, id }).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.name() == Some("task_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The servers that are alive.
    pub async fn servers(&mut self) -> Result<Vec<ServerInfo>, Error> {
        self.ask(Request::Servers).await
    }
}
