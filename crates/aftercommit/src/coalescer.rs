//! Lets enqueue calls made at the same time travel together, without delaying any of them: a call that
//! finds nobody on the way goes at once; those that arrive meanwhile share the next round trip.

use std::sync::{Arc, Weak};

use aftercommit_core::{Backend, Enqueue, Enqueued, Error, Refusal, Result};
use tokio::sync::{OnceCell, Semaphore, mpsc, oneshot};

/// The most tasks in one round trip.
const BATCH: usize = 500;
/// How many calls may wait; more wait for room.
const BACKLOG: usize = 2_000;

#[derive(Debug, Clone)]
pub(crate) struct Coalescer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    /// Held by whoever is on the way to the store.
    way: Semaphore,
    /// To the task that carries those who found the way taken; started by the first of them.
    waiting: OnceCell<mpsc::Sender<Waiting>>,
}

struct Waiting {
    enqueue: Enqueue,
    answer: oneshot::Sender<Result<Result<(), Refusal>>>,
}

impl Coalescer {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { inner: Arc::new(Inner { backend, way: Semaphore::new(1), waiting: OnceCell::new() }) }
    }

    pub(crate) async fn enqueue(&self, enqueue: Enqueue) -> Result<Enqueued> {
        let receipt = Enqueued::from(&enqueue);
        let message = enqueue.message.clone();
        let result = match self.inner.way.try_acquire() {
            Ok(_on_the_way) => {
                let results = self.inner.backend.enqueue(&[enqueue]).await?;
                results.into_iter().next().unwrap_or(Ok(()))
            }
            Err(_) => self.join(enqueue).await?,
        };
        result.map(|()| receipt).map_err(|refusal| refusal.into_error(&message))
    }

    async fn join(&self, enqueue: Enqueue) -> Result<Result<(), Refusal>> {
        let waiting = self
            .inner
            .waiting
            .get_or_init(async || {
                let (sender, receiver) = mpsc::channel(BACKLOG);
                tokio::spawn(carry(Arc::downgrade(&self.inner), receiver));
                sender
            })
            .await;
        let (answer, answered) = oneshot::channel();
        let gone = || Error::unavailable("enqueue a task", "the client's runtime is shutting down");
        waiting.send(Waiting { enqueue, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Carries batches until the last client is gone.
async fn carry(inner: Weak<Inner>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        let (enqueues, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|waiting| (waiting.enqueue, waiting.answer)).unzip();
        let results = {
            // Never closed; if it were, going without the permit is still right.
            let _on_the_way = inner.way.acquire().await;
            inner.backend.enqueue(&enqueues).await
        };
        // A caller that went away does not want its answer.
        match results {
            Ok(results) => {
                answers.into_iter().zip(results).for_each(|(answer, result)| drop(answer.send(Ok(result))))
            }
            Err(error) => {
                let error = Arc::new(error);
                answers.into_iter().for_each(|answer| drop(answer.send(Err(shared(&error)))));
            }
        }
    }
}

/// One fault of the store, for each of those who travelled together.
fn shared(error: &Arc<Error>) -> Error {
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Shared(Arc<Error>);

    if error.is_transient() {
        Error::unavailable("enqueue a task", Shared(Arc::clone(error)))
    } else {
        Error::store("enqueue a task", Shared(Arc::clone(error)))
    }
}
