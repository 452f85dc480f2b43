//! Hints that something may be new, and cancellations: what Redis tells us unasked.
//!
//! One task per back-end listens on a connection of its own, from the first stream that needs it to the last one that is
//! dropped. Cancellations are published on a channel. Hints come from Redis tracking what that connection has read: a key
//! is *armed* by reading it, and the first change of it, by whomever, is told once and disarms it. A key is armed only
//! while a stream waits, so a worker that finds work by itself costs nothing here.
//!
//! | file | what |
//! |---|---|
//! | `hub` | who listens; starts and ends the task |
//! | `board` | which stream waits for what, and when a change is news to it |
//! | `entry` | a topic on the board, and how one stream knows it |
//! | `topic` | what is read of a queue, and what is concluded |
//! | `task` | connects again and again |
//! | `poller` | gives hints by the clock where Redis cannot tell |
//! | `ear` | one connection, until it is lost |

mod board;
mod ear;
mod entry;
mod hub;
mod poller;
mod task;
mod topic;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aftercommit_core::{Cancellation, Cancellations, Wake, Wakes};
use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;

use crate::keys::QueueKeys;
use crate::link::Link;
use hub::Hub;

/// Listens on a connection of its own.
#[derive(Debug)]
pub(crate) struct Listener {
    hub: Arc<Hub>,
}

impl Listener {
    pub(crate) fn new(link: Link) -> Self {
        Self { hub: Arc::new(Hub::new(link)) }
    }

    /// Hints about these queues. Subscribe, then look, then wait: a change after the subscription is never missed.
    pub(crate) fn wakes(&self, wake: Wake, queues: Vec<Arc<QueueKeys>>) -> Wakes {
        let stream = self.hub.subscribe(wake, queues);
        Box::pin(Hints { hub: Arc::clone(&self.hub), stream })
    }

    /// Every cancellation that Redis tells from now on, or from when it is reachable.
    pub(crate) fn cancellations(&self) -> Cancellations {
        let heard = self.hub.listen();
        Box::pin(stream::unfold(heard, |mut heard| async move {
            heard.keep_going();
            loop {
                match heard.cancelled.recv().await {
                    Ok(cancellation) => return Some((cancellation, heard)),
                    Err(RecvError::Lagged(lost)) => {
                        tracing::warn!(
                            lost,
                            "cancellations came faster than they were taken, and some are lost"
                        );
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        }))
    }

    /// Waits, not for long, until the streams of this process hear what is published from now on.
    pub(crate) async fn when_heard(&self) {
        self.hub.when_heard().await;
    }
}

/// A stream of hints.
struct Hints {
    hub: Arc<Hub>,
    stream: board::StreamId,
}

impl Stream for Hints {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.hub.poll(self.stream, cx.waker()).map(Some)
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.stream);
    }
}

/// What one listener for cancellations holds.
struct Heard {
    hub: Arc<Hub>,
    cancelled: tokio::sync::broadcast::Receiver<Cancellation>,
}

impl Heard {
    fn keep_going(&self) {
        self.hub.start();
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.hub.stop_listening();
    }
}
