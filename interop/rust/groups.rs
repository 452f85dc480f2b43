//! What a group becomes: a task that lists its members, as `interop-go worker` makes it.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercommit::{Bytes, GroupTasks, HandlerError, NewTask, Options, RawTask, TaskType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// The type of the task that a group becomes.
pub(crate) const AGGREGATED: &str = "agg:done";

#[derive(Debug, Serialize)]
struct Member {
    r#type: String,
    payload: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

/// Lists the members.
#[derive(Debug)]
pub(crate) struct Aggregator {
    /// How long the task that is made is kept.
    pub(crate) retention: Duration,
    /// Then it never ends, so that one can see what becomes of its tasks when the worker dies.
    pub(crate) hangs: bool,
}

impl aftercommit::Aggregator for Aggregator {
    async fn aggregate(&self, tasks: GroupTasks) -> Result<NewTask, HandlerError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let members: Vec<Member> = tasks
            .messages()
            .iter()
            .map(|message| Member {
                r#type: message.task_type.to_string(),
                payload: STANDARD.encode(&message.payload),
                headers: message.headers.clone(),
            })
            .collect();
        let payload = Bytes::from(serde_json::to_vec(&members)?);
        let task = RawTask { task_type: TaskType::new(AGGREGATED)?, payload };
        Ok(NewTask::from(task).with(Options::new().retention(self.retention)))
    }
}
