//! Hints that something may be new, and cancellations: what Redis tells us unasked.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Cancellations, Wake, Wakes};

use crate::keys::QueueKeys;
use crate::link::Link;

/// Listens on a connection of its own.
#[derive(Debug)]
pub(crate) struct Listener {
    link: Link,
}

impl Listener {
    pub(crate) fn new(link: Link) -> Self {
        Self { link }
    }

    pub(crate) fn wakes(&self, _wake: Wake, _queues: Vec<Arc<QueueKeys>>) -> Wakes {
        let _ = &self.link;
        Box::pin(futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some(((), ()))
        }))
    }

    pub(crate) fn cancellations(&self) -> Cancellations {
        Box::pin(futures_util::stream::pending())
    }
}
