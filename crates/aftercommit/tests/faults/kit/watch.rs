//! What a test waits for, and what it asks of the queue's books, past the bad network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercommit::{Error, Inspect as _, QueueInfo, QueueName, Result, TaskState};

use super::Rig;
use crate::audit::What;
use crate::lines::Lines;
use crate::store::{Backend, LOOK_AGAIN};

impl Rig {
    /// Waits until so many tasks have come so far.
    pub(crate) async fn until(&self, what: What, count: usize) {
        self.ledger.when(|ledger| ledger.count(what) >= count).await;
    }

    /// Waits until every acknowledged task is done and the store has been told: nothing waits or runs by its books, and
    /// each worker that said it lost its store has it again in all its loops, the patient ones too.
    pub(crate) async fn drained(&self) {
        self.ledger.when(|ledger| ledger.open().is_empty()).await;
        let ended = |queue: &QueueInfo| {
            queue.counts.get(TaskState::Completed) + queue.counts.get(TaskState::Archived)
        };
        self.until_books_say(|queue| queue.counts.total() == ended(queue)).await;
        self.until_said(|lines| lines.with(&["lost its store"]) <= lines.with(&["reached its store again"]))
            .await;
    }

    /// Waits until the log says so.
    pub(crate) async fn until_said(&self, it_is_so: impl Fn(&Lines) -> bool) {
        let mut grown = self.lines.grown.subscribe();
        while !it_is_so(&self.lines) {
            grown.changed().await.unwrap();
        }
    }

    /// Waits until so many tasks are in this state.
    pub(crate) async fn until_counted(&self, state: TaskState, count: u64) {
        self.until_books_say(|queue| queue.counts.get(state) == count).await;
    }

    async fn until_books_say(&self, it_is_so: impl Fn(&QueueInfo) -> bool) {
        let observer = self.another_backend();
        while !books(&observer).await.unwrap().is_some_and(|queue| it_is_so(&queue)) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// How many tasks are in this state.
    pub(crate) async fn in_state(&self, state: TaskState) -> u64 {
        books(&self.another_backend()).await.unwrap().unwrap().counts.get(state)
    }

    /// How many attempts have ended, and how many of them had failed.
    pub(crate) async fn counted(&self) -> (u64, u64) {
        let queue = books(&self.another_backend()).await.unwrap().unwrap();
        (queue.processed, queue.failed)
    }

    /// The fault is over: from here on the time to recover counts, until the store is told of the next task that is done.
    pub(crate) fn healed(&self) {
        let (observer, recovery, healed) =
            (self.another_backend(), Arc::clone(&self.recovery), Instant::now());
        tokio::spawn(async move {
            let before = processed(&observer).await?;
            while processed(&observer).await? == before {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            // Only the first counts.
            let _ = recovery.set(healed.elapsed());
            Ok::<(), Error>(())
        });
    }

    /// The time to recover, where it is not the time until the next task is done.
    pub(crate) fn recovered_in(&self, time: Duration) {
        // Only the first counts.
        let _ = self.recovery.set(time);
    }
}

/// How many tasks the store was told of, in a queue that exists.
async fn processed(observer: &Backend) -> Result<u64> {
    Ok(books(observer).await?.map_or(0, |queue| queue.processed))
}

async fn books(observer: &Backend) -> Result<Option<QueueInfo>> {
    observer.queue(&QueueName::default()).await
}
