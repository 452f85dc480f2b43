//! Lets enqueue calls made at the same time travel together, without delaying any of them: a call that
//! finds nobody on the way goes at once; those that arrive meanwhile share the next round trip.
//!
//! One spawned task carries all that share. A caller's own future must not carry others: whoever stopped
//! polling it without dropping it (as streams of buffered futures do) would hold up everybody else. A call
//! that finds nobody carries itself, which spares it two changes of task.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aftercommit_core::{Backend, Enqueue, Enqueued, Error, Result};
use tokio::sync::{mpsc, oneshot};

/// The most tasks in one round trip.
const BATCH: usize = 500;
/// How many calls may wait; more wait for room.
const BACKLOG: usize = 2_000;
/// Completes the sentence "failed to ...".
const DOING: &str = "enqueue a task";

#[derive(Debug, Clone)]
pub(crate) struct Coalescer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    /// To the carrier, once there is one. It ends with the runtime it was started on, or with the last client.
    carrier: Mutex<Option<mpsc::Sender<Waiting>>>,
    /// How many calls have begun and not ended.
    calls: AtomicUsize,
}

/// A call, until its end or until it is dropped.
struct Call<'a> {
    calls: &'a AtomicUsize,
    others: usize,
}

impl<'a> Call<'a> {
    fn begin(calls: &'a AtomicUsize) -> Self {
        Self { calls, others: calls.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Waiting {
    enqueue: Enqueue,
    answer: oneshot::Sender<Result<()>>,
}

impl Coalescer {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { inner: Arc::new(Inner { backend, carrier: Mutex::new(None), calls: AtomicUsize::new(0) }) }
    }

    /// Stores a task. A call that is dropped may still be carried out.
    pub(crate) async fn enqueue(&self, enqueue: Enqueue) -> Result<Enqueued> {
        let receipt = Enqueued::from(&enqueue);
        let call = Call::begin(&self.inner.calls);
        if call.others == 0 {
            let alone = std::slice::from_ref(&enqueue);
            travel(self.inner.backend.as_ref(), alone).await.into_iter().collect::<Result<()>>()?;
            return Ok(receipt);
        }
        let (answer, answered) = oneshot::channel();
        let gone = || Error::unavailable(DOING, "the client's runtime is shutting down");
        self.carrier().send(Waiting { enqueue, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())??;
        Ok(receipt)
    }

    /// The way to the carrier; a new one if the last has gone with its runtime.
    fn carrier(&self) -> mpsc::Sender<Waiting> {
        // Whoever panicked under this lock left either the old sender or a whole new one.
        let mut carrier = self.inner.carrier.lock().unwrap_or_else(PoisonError::into_inner);
        match carrier.as_ref() {
            Some(sender) if !sender.is_closed() => sender.clone(),
            _ => {
                let (sender, waiting) = mpsc::channel(BACKLOG);
                tokio::spawn(carry(Arc::clone(&self.inner.backend), waiting));
                carrier.insert(sender).clone()
            }
        }
    }
}

/// Carries batches until the last client is gone.
async fn carry(backend: Arc<dyn Backend>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (enqueues, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|waiting| (waiting.enqueue, waiting.answer)).unzip();
        let results = travel(backend.as_ref(), &enqueues).await;
        for (answer, result) in answers.into_iter().zip(results) {
            // A caller that went away does not want its answer.
            let _ = answer.send(result);
        }
    }
}

/// One round trip, with an answer for each of those who share it.
async fn travel(backend: &dyn Backend, batch: &[Enqueue]) -> Vec<Result<()>> {
    match backend.enqueue(batch).await {
        Ok(results) => {
            let mut results = results.into_iter();
            let answer = |enqueue: &Enqueue| match results.next() {
                Some(result) => result.map_err(|refusal| refusal.into_error(&enqueue.message)),
                None => Err(Error::store(DOING, "the back-end did not answer for it")),
            };
            batch.iter().map(answer).collect()
        }
        Err(error) if batch.len() == 1 => vec![Err(error)],
        Err(error) if error.is_transient() => {
            let error = Arc::new(error);
            batch.iter().map(|_| Err(Error::unavailable(DOING, Shared(Arc::clone(&error))))).collect()
        }
        // The store refuses the batch for good: a task it cannot take must not keep the others out.
        Err(_) => {
            let mut answers = Vec::with_capacity(batch.len());
            for one in batch {
                answers.extend(Box::pin(travel(backend, std::slice::from_ref(one))).await);
            }
            answers
        }
    }
}

/// One fault of the store, for each of those who travelled together.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(Arc<Error>);
