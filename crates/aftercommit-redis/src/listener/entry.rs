//! A topic on the board, and how one stream knows it.

use aftercommit_core::Wake;
use tokio::time::Instant;

use super::board::{StreamId, TopicId};
use super::topic::Topic;

/// A topic, as one stream knows it.
pub(super) struct Seen {
    pub(super) topic: TopicId,
    /// [`Entry::changes`] when the stream was last asked.
    pub(super) changes: u64,
    pub(super) is_unsure: bool,
    /// How many turns there had been when the stream was last asked.
    pub(super) asked_at: u64,
}

/// A topic, and who uses it.
pub(super) struct Entry {
    pub(super) topic: Topic,
    pub(super) users: Vec<StreamId>,
    pub(super) is_armed: bool,
    /// The next reading is news, whatever is read.
    pub(super) is_doubtful: bool,
    /// How many times it was disarmed by a change that only reading can judge.
    pub(super) changes: u64,
    /// The turn in which it was last read.
    pub(super) read_in: u64,
    /// When it may be read again.
    pub(super) rests_until: Option<Instant>,
    /// When it counts as changed.
    pub(super) expires: Option<Instant>,
}

impl Seen {
    /// True until the topic was read after the stream began to wait.
    pub(super) fn is_unsettled(&self, entry: &Entry) -> bool {
        entry.topic.wake() == Wake::Due && self.asked_at >= entry.read_in
    }

    /// Notices what changed since the stream was last asked. It may have looked before that, or after.
    pub(super) fn notice(&mut self, entry: &Entry) {
        if self.changes != entry.changes {
            self.changes = entry.changes;
            self.is_unsure = true;
        }
    }
}

impl Entry {
    pub(super) fn disarm_in_doubt(&mut self) {
        (self.is_armed, self.is_doubtful) = (false, true);
        (self.rests_until, self.expires) = (None, None);
    }
}
