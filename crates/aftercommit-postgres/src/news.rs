//! Who waits for what, and how they learn of it: told at once within this process.

use std::sync::Arc;

use aftercommit_core::{State, Wake, Wakes};
use futures_util::stream;
use tokio::sync::watch;

/// What there can be news about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// There may be more pending tasks.
    Pending,
    /// The earliest due time may have changed.
    Due,
    /// There may be more tasks in groups.
    Groups,
    /// There may be something to claim in the outbox.
    Outbox,
    /// There may be more cancellations.
    Cancelled,
}

impl Topic {
    const ALL: [Self; 5] = [Self::Pending, Self::Due, Self::Groups, Self::Outbox, Self::Cancelled];
}

/// The news of one handle and its clones. A watch keeps one unread change for each receiver, so that hints are coalesced
/// and one between subscribing and waiting is kept.
#[derive(Debug)]
pub(crate) struct News {
    topics: [watch::Sender<()>; Topic::ALL.len()],
}

impl News {
    /// Nobody waits yet.
    pub(crate) fn new() -> Self {
        Self { topics: Topic::ALL.map(|_| watch::Sender::new(())) }
    }

    /// Tells those who wait in this process.
    pub(crate) fn tell(&self, topic: Topic) {
        self.topics[topic as usize].send_replace(());
    }

    /// Tells those who wait, in this process and in others.
    pub(crate) fn announce(&self, topic: Topic) {
        self.tell(topic);
    }

    /// There is one more task in this state.
    pub(crate) fn announce_stored(&self, state: State) {
        match state {
            State::Pending => self.announce(Topic::Pending),
            State::Scheduled | State::Retry => self.announce(Topic::Due),
            State::Aggregating => self.announce(Topic::Groups),
            State::Active | State::Archived | State::Completed => {}
        }
    }

    /// Anything may have changed.
    pub(crate) fn announce_everything(&self) {
        for topic in Topic::ALL {
            self.announce(topic);
        }
    }

    /// A stream of hints from now on.
    pub(crate) fn wakes(self: &Arc<Self>, wake: Wake) -> Wakes {
        let topic = match wake {
            Wake::Pending => Topic::Pending,
            Wake::Due => Topic::Due,
            Wake::Groups => Topic::Groups,
        };
        self.hints(topic)
    }

    /// The same about any topic.
    pub(crate) fn hints(self: &Arc<Self>, topic: Topic) -> Wakes {
        let changes = self.topics[topic as usize].subscribe();
        Box::pin(stream::unfold((Arc::clone(self), changes), |(news, mut changes)| async move {
            changes.changed().await.ok()?;
            Some(((), (news, changes)))
        }))
    }
}
