//! A broker that keeps everything in memory: the executable specification of the contract. Where the
//! traits leave room, what happens here is what every back-end does (the conformance suite compares).

mod broker;
mod groups;
mod inspect;
mod presence;
mod publish;
mod queue;
mod schedules;
mod store;
mod task;
mod upkeep;
mod wakes;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use aftercommit_core::{
    Backend, Clock, Enqueue, Error, Groups, Lease, Presence, Publisher, Result, Schedules, State, Timestamp,
    Wake,
};

use crate::Ability;
use presence::CancelBus;
use store::{Now, Store};
use task::Place;
use wakes::WakeBus;

/// A complete back-end without a store: for tests, and as the model that other back-ends are compared
/// with. One lock guards plain data; every call is one transition under it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aftercommit_core::{
///     Broker, Clock, Enqueue, Inspect, LeaseGrant, NewTask, Options, Outcome, Quota, RawTask, Settlement,
///     TaskType, WorkerId,
/// };
/// use aftercommit_testing::{ManualClock, MemoryBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aftercommit_core::Error> {
/// let clock = ManualClock::new();
/// let backend = MemoryBackend::new(Arc::new(clock.clone()));
///
/// let task = RawTask { task_type: TaskType::new("email:send")?, payload: "{}".into() };
/// let task = NewTask::from(task).with(Options::new().id("welcome-alice"));
/// let task: Enqueue = task.resolve(&Options::new(), clock.now())?;
/// let queue = task.message.queue.clone();
/// assert_eq!(backend.enqueue(&[task]).await?, [Ok(())]);
///
/// let grant = LeaseGrant { worker: WorkerId::random("localhost", 1), duration: Duration::from_secs(30) };
/// let leased = backend.dequeue(&[Quota { queue: queue.clone(), count: 10 }], &grant).await?;
/// let settled: Vec<_> = leased
///     .into_iter()
///     .map(|leased| Settlement { leased: Arc::new(leased), outcome: Outcome::Done })
///     .collect();
/// assert_eq!(backend.settle(&settled).await?, [Ok(())]);
/// assert_eq!(backend.queue(&queue).await?.expect("it held a task").processed, 1);
/// # Ok(())
/// # }
/// ```
pub struct MemoryBackend {
    clock: Arc<dyn Clock>,
    own_clock: Arc<dyn Clock>,
    store: Mutex<Store>,
    wakes: WakeBus,
    cancels: CancelBus,
    abilities: Vec<Ability>,
}

impl MemoryBackend {
    /// An empty back-end with every ability that takes its time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            own_clock: Arc::clone(&clock),
            clock,
            store: Mutex::new(Store::default()),
            wakes: WakeBus::default(),
            cancels: CancelBus::default(),
            abilities: Ability::ALL.to_vec(),
        }
    }

    /// Takes an ability away: to see how one's own code does on a store that can do less.
    #[must_use]
    pub fn without(mut self, ability: Ability) -> Self {
        self.abilities.retain(|kept| *kept != ability);
        self
    }

    /// Lets the store end unique locks, presence, markers and the records of schedulers by a clock of its own,
    /// as a server does that keeps a time to live with its keys. Everything else goes by the first clock.
    #[must_use]
    pub fn with_own_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.own_clock = clock;
        self
    }

    /// Loses everything, as a server that is flushed or starts without its data.
    pub fn lose_everything(&self) {
        *self.store() = Store::default();
    }

    fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// A task of a group would never run on a back-end without groups.
    fn check_groups(&self, batch: &[Enqueue]) -> Result<()> {
        if !self.has(Ability::Groups) && batch.iter().any(|item| item.message.group.is_some()) {
            return Err(Error::invalid("group", "this back-end has no groups"));
        }
        Ok(())
    }

    /// Wakes those who wait for what a stored task brings.
    fn wake_for(&self, item: &Enqueue) {
        let wake = match item.state() {
            State::Scheduled => Wake::Due,
            State::Aggregating => Wake::Groups,
            _ => Wake::Pending,
        };
        self.wakes.wake(wake, &item.message.queue);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn both_now(&self) -> Now {
        Now { given: self.clock.now(), own: self.own_clock.now() }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no transition panics, so the lock is never poisoned")
    }
}

impl Backend for MemoryBackend {
    fn presence(&self) -> Option<&dyn Presence> {
        self.has(Ability::Presence).then_some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.has(Ability::Groups).then_some(self)
    }

    fn publisher(&self) -> Option<&dyn Publisher> {
        self.has(Ability::Publisher).then_some(self)
    }

    fn schedules(&self) -> Option<&dyn Schedules> {
        self.has(Ability::Schedules).then_some(self)
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The fence: true if this is the lease the task is held by now. Its expiry does not matter, since a
/// holder that is late is still the only holder until somebody takes the task away.
fn is_current(store: &Store, lease: &Lease) -> bool {
    let stored = store.queues.get(&lease.queue).and_then(|queue| queue.get(&lease.id));
    stored.is_some_and(|stored| matches!(stored.place, Place::Active { token, .. } if token == lease.token))
}
