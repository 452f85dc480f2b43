//! Who waits for news of which queues. One stored permit per subscriber coalesces the hints and keeps
//! one that comes between subscribing and waiting.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use aftercommit_core::{QueueName, Wake, Wakes};
use futures_util::stream;
use tokio::sync::Notify;

/// The subscribers of one back-end.
#[derive(Debug, Default)]
pub(super) struct WakeBus(Mutex<Vec<Weak<Subscriber>>>);

#[derive(Debug)]
struct Subscriber {
    wake: Wake,
    queues: Vec<QueueName>,
    permit: Notify,
}

impl WakeBus {
    /// A stream of hints from now on.
    pub(super) fn subscribe(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        let subscriber = Arc::new(Subscriber { wake, queues: queues.to_vec(), permit: Notify::new() });
        self.with(|subscribers| subscribers.push(Arc::downgrade(&subscriber)));
        Box::pin(stream::unfold(subscriber, |subscriber| async move {
            subscriber.permit.notified().await;
            Some(((), subscriber))
        }))
    }

    /// Tells everybody who waits for this kind of news of this queue.
    pub(super) fn wake(&self, wake: Wake, queue: &QueueName) {
        self.with(|subscribers| {
            subscribers.retain(|subscriber| match subscriber.upgrade() {
                Some(subscriber) => {
                    if subscriber.wake == wake && subscriber.queues.contains(queue) {
                        subscriber.permit.notify_one();
                    }
                    true
                }
                None => false,
            });
        });
    }

    fn with(&self, act: impl FnOnce(&mut Vec<Weak<Subscriber>>)) {
        // A list of subscribers is whole whatever happened to the thread that held it.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
