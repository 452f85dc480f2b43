//! What a relay does for tasks that a back-end may lose after it has taken them.

use std::time::Duration;

use aftercommit_core::Enqueue;

/// How long a task that a relay watches is at least kept by the back-end after it has completed, so that its end can be
/// seen.
pub const WATCHED_RETENTION: Duration = Duration::from_secs(3_600);

/// The longest pause between two looks that can be asked for: a task that ended just after a look must still be found by
/// the next one, also if that comes late.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(1_800);

/// How a relay keeps and watches the rows of published tasks until those have ended: see
/// [`RelayBuilder::retain_until_done`](super::RelayBuilder::retain_until_done).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainUntilDone {
    pub(super) first_look: Duration,
    pub(super) longest_pause: Duration,
    pub(super) lost_after: Duration,
    pub(super) max_losses: u32,
    pub(super) overdue_after: Duration,
}

impl RetainUntilDone {
    /// With the usual times.
    pub const fn new() -> Self {
        Self {
            first_look: Duration::from_secs(10),
            longest_pause: Duration::from_secs(300),
            lost_after: Duration::from_secs(60),
            max_losses: 5,
            overdue_after: Duration::from_secs(24 * 3_600),
        }
    }

    /// When a published task is first looked for; 10 s unless set. While it is there, it is looked for again when it is
    /// twice as old, and so on.
    #[must_use]
    pub const fn first_look(mut self, after: Duration) -> Self {
        self.first_look = after;
        self
    }

    /// The longest pause between two looks at a task, at most half an hour; 5 min unless set. A loss is noticed within this
    /// time and [`lost_after`](Self::lost_after).
    #[must_use]
    pub const fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// How far apart the two looks are that do not find a task which is then taken for lost; 60 s unless set. Keep it well
    /// above the time that a failover of the back-end takes.
    #[must_use]
    pub const fn lost_after(mut self, apart: Duration) -> Self {
        self.lost_after = apart;
        self
    }

    /// How often a task is published again before it is set aside for an operator; 5 unless set. A task that something else
    /// deletes each time must not run for ever.
    #[must_use]
    pub const fn max_losses(mut self, losses: u32) -> Self {
        self.max_losses = losses;
        self
    }

    /// When a task that has not ended is mentioned in the log, counted from when it was due; 24 h unless set. It is watched
    /// on all the same.
    #[must_use]
    pub const fn overdue_after(mut self, age: Duration) -> Self {
        self.overdue_after = age;
        self
    }

    /// What cannot work.
    pub(super) fn faults(&self) -> Option<String> {
        let times = [self.first_look, self.longest_pause, self.lost_after, self.overdue_after];
        if times.iter().any(Duration::is_zero) || self.max_losses == 0 {
            return Some("a relay that retains rows looks at no time, or never publishes again".to_owned());
        }
        (self.first_look.max(self.longest_pause).max(self.lost_after) > MAX_PAUSE)
            .then(|| format!("a relay that retains rows looks less often than every {MAX_PAUSE:?}"))
    }
}

impl Default for RetainUntilDone {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the row of a task is kept after it is published. A task of a group is done for us when it is in its group: it
/// vanishes there into another task, which looks like a loss and is none.
pub(super) const fn keeps(retain: Option<&RetainUntilDone>, task: &Enqueue) -> bool {
    retain.is_some() && task.message.group.is_none()
}
