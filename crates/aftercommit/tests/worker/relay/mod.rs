//! The relay from an outbox in memory to a memory broker.

mod deaths;
mod outages;
mod outbox;
mod poison;
mod publishing;
mod retain;

use std::sync::Arc;

use aftercommit::{
    Backend, Page, QueueName, Relay, RelayBuilder, RelayMonitor, Result, StopHandle, TaskState,
};
use tokio::task::JoinHandle;

use crate::harness::Bench;
use outbox::FakeOutbox;

/// A relay that runs.
struct Carrying {
    stop: StopHandle,
    monitor: RelayMonitor,
    ended: JoinHandle<Result<()>>,
}

fn relay(bench: &Bench, outbox: &Arc<FakeOutbox>, backend: Arc<dyn Backend>) -> RelayBuilder {
    Relay::builder(Arc::clone(outbox) as _, backend).clock(Arc::clone(&bench.clock) as _)
}

fn carry(builder: RelayBuilder) -> Carrying {
    let relay = builder.build().unwrap();
    let (stop, monitor) = (relay.stop_handle(), relay.monitor());
    Carrying { stop, monitor, ended: tokio::spawn(relay.run()) }
}

impl Carrying {
    async fn shut_down(self) {
        self.stop.shutdown();
        self.ended.await.unwrap().unwrap();
    }

    /// Ends the relay as a crash would.
    async fn crash(self) {
        self.ended.abort();
        let _ = self.ended.await;
    }
}

/// Rows with ids made of a name and a number, and a payload for each.
fn rows(name: &str, count: usize, payload: impl Fn(usize) -> &'static str) -> Vec<(String, String)> {
    (0..count).map(|i| (format!("{name}-{i:04}"), format!(r#"{{"text":"{}"}}"#, payload(i)))).collect()
}

fn fine(_: usize) -> &'static str {
    "fine"
}

/// The ids of the pending tasks, in the order in which they will run.
async fn pending(bench: &Bench) -> Vec<String> {
    let page = Page::first(10_000);
    let tasks = bench.backend.list(&QueueName::default(), &TaskState::Pending.into(), page).await.unwrap();
    tasks.iter().map(|task| task.message.id.to_string()).collect()
}

fn ids(rows: &[(String, String)]) -> Vec<String> {
    rows.iter().map(|(id, _)| id.clone()).collect()
}
