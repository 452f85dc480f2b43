//! Which call goes wrong, and how: written down call by call, or drawn from a seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What goes wrong in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call fails before it reaches the store: nothing happens.
    Refuse,
    /// The call takes effect, and its answer is lost on the way back.
    LoseAnswer,
    /// The call waits for this long, then goes through.
    Delay(Duration),
    /// The call reaches the store twice; the caller hears the first answer.
    Twice,
}

/// The calls that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// `Broker::enqueue`
    Enqueue,
    /// `Broker::dequeue`
    Dequeue,
    /// `Broker::extend`
    Extend,
    /// `Broker::settle`
    Settle,
    /// `Upkeep::forward`
    Forward,
    /// `Upkeep::orphans`
    Orphans,
    /// `Upkeep::delete_expired`
    DeleteExpired,
    /// `Upkeep::trim_archive`
    TrimArchive,
    /// Everything an operator does or sees.
    Inspect,
    /// Everything about workers and cancellations.
    Presence,
    /// `Groups::groups`
    Groups,
    /// `Groups::gather`
    Gather,
    /// `Groups::aggregate`
    Aggregate,
    /// `Groups::release`
    Release,
    /// `Groups::reclaim`
    Reclaim,
    /// `Publisher::publish`
    Publish,
    /// `Publisher::forget`
    Forget,
    /// `Publisher::look`
    Look,
    /// Everything about schedulers.
    Schedules,
}

impl Call {
    /// What the call was for, as errors say it.
    pub(super) const fn doing(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue tasks",
            Self::Dequeue => "dequeue tasks",
            Self::Extend => "extend leases",
            Self::Settle => "settle tasks",
            Self::Forward => "forward due tasks",
            Self::Orphans => "list orphaned tasks",
            Self::DeleteExpired => "delete expired tasks",
            Self::TrimArchive => "trim archives",
            Self::Inspect => "inspect the queue",
            Self::Presence => "tell or ask about workers",
            Self::Groups => "list groups",
            Self::Gather => "gather ripe groups",
            Self::Aggregate => "aggregate a batch",
            Self::Release => "release a batch",
            Self::Reclaim => "reclaim batches",
            Self::Publish => "publish tasks",
            Self::Forget => "forget published tasks",
            Self::Look => "look at published tasks",
            Self::Schedules => "tell or ask about schedulers",
        }
    }
}

/// How likely each fault is for each call, from 0 to 1. What is left over goes through.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Odds {
    /// Of [`Fault::Refuse`].
    pub refuse: f64,
    /// Of [`Fault::LoseAnswer`].
    pub lose_answer: f64,
    /// Of [`Fault::Delay`].
    pub delay: f64,
    /// The longest such delay; each is drawn between zero and this.
    pub longest_delay: Duration,
    /// Of [`Fault::Twice`]; only for settles, which are the calls that drivers and workers repeat.
    pub settle_twice: f64,
}

/// The faults to come.
#[derive(Debug)]
pub struct Faults {
    written: BTreeMap<Call, VecDeque<Option<Fault>>>,
    drawn: Option<(StdRng, Odds)>,
}

impl Faults {
    /// Nothing goes wrong: the decorator is transparent.
    pub const fn none() -> Self {
        Self { written: BTreeMap::new(), drawn: None }
    }

    /// Each call draws its fault. The same seed and the same calls give the same faults.
    pub fn random(seed: u64, odds: Odds) -> Self {
        Self { written: BTreeMap::new(), drawn: Some((StdRng::seed_from_u64(seed), odds)) }
    }

    /// Writes down the fault of the next call of this kind that has none written down yet; `None` lets
    /// it go through.
    #[must_use]
    pub fn then(mut self, call: Call, fault: impl Into<Option<Fault>>) -> Self {
        self.write(call, fault.into());
        self
    }

    pub(super) fn write(&mut self, call: Call, fault: Option<Fault>) {
        self.written.entry(call).or_default().push_back(fault);
    }

    /// The fault of the call that is made now. What is written down comes before what is drawn.
    pub(super) fn next(&mut self, call: Call) -> Option<Fault> {
        if let Some(fault) = self.written.get_mut(&call).and_then(VecDeque::pop_front) {
            return fault;
        }
        let (rng, odds) = self.drawn.as_mut()?;
        let mut point: f64 = rng.random();
        let mut hit = |odds: f64| {
            point -= odds;
            point < 0.0
        };
        if hit(odds.refuse) {
            Some(Fault::Refuse)
        } else if hit(odds.lose_answer) {
            Some(Fault::LoseAnswer)
        } else if hit(odds.delay) {
            Some(Fault::Delay(odds.longest_delay.mul_f64(rng.random())))
        } else if call == Call::Settle && hit(odds.settle_twice) {
            Some(Fault::Twice)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_faults_come_in_their_order_and_only_to_their_call() {
        let mut faults = Faults::none().then(Call::Settle, None).then(Call::Settle, Fault::Refuse);
        assert_eq!(faults.next(Call::Enqueue), None);
        let settles = [(); 3].map(|()| faults.next(Call::Settle));
        assert_eq!(settles, [None, Some(Fault::Refuse), None]);
    }

    #[test]
    fn drawn_faults_follow_the_odds_and_the_seed() {
        let odds = Odds { refuse: 0.5, lose_answer: 0.25, ..Odds::default() };
        let draw = || {
            let mut faults = Faults::random(7, odds);
            (0..1_000).map(|_| faults.next(Call::Settle)).collect::<Vec<_>>()
        };
        let drawn = draw();
        let share = |fault| drawn.iter().filter(|drawn| **drawn == fault).count();
        assert!((440..560).contains(&share(Some(Fault::Refuse))));
        assert!((200..300).contains(&share(Some(Fault::LoseAnswer))));
        assert!((200..300).contains(&share(None)));
        assert_eq!(draw(), drawn);
    }

    #[test]
    fn only_settles_are_drawn_to_go_twice() {
        let mut faults = Faults::random(7, Odds { settle_twice: 1.0, ..Odds::default() });
        assert_eq!(faults.next(Call::Enqueue), None);
        assert_eq!(faults.next(Call::Settle), Some(Fault::Twice));
    }
}
