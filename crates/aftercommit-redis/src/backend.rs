//! The handle: what it is made of, and what it can do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aftercommit_core::{
    Backend, Clock, Groups, LeaseToken, Presence, Publisher, QueueName, Schedules, SystemClock, Timestamp,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::dequeue::LostFetch;
use crate::keys::{KeyCache, QueueKeys};
use crate::link::Link;
use crate::listener::Listener;
use crate::options::RedisOptions;
use crate::presence::Said;
use crate::undertaker::Undertaker;

/// A back-end on Redis, in the format of Go's asynq. Cheap to clone; clones share their connections.
///
/// Nothing is connected before the first call, so Redis may be absent when this is made.
///
/// ```no_run
/// use aftercommit_redis::{RedisBackend, RedisOptions};
///
/// # fn main() -> Result<(), aftercommit_core::Error> {
/// let backend = RedisBackend::new(RedisOptions::parse("redis://localhost:6379")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBackend {
    pub(crate) link: Link,
    pub(crate) listener: Arc<Listener>,
    pub(crate) clock: Arc<dyn Clock>,
    leases_by: LeasesBy,
    pub(crate) undertaker: Arc<Undertaker>,
    pub(crate) said: Arc<Said>,
    shared: Arc<Shared>,
}

/// Whose clock says when a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeasesBy {
    /// That of Redis, which all workers share.
    Redis,
    /// The one that was given, which all who look at it share.
    Given,
}

#[derive(Debug)]
struct Shared {
    keys: KeyCache,
    /// When each queue was last made known to `asynq:queues`.
    known: Mutex<HashMap<QueueName, Timestamp>>,
    tokens: Mutex<StdRng>,
    lost: Mutex<Vec<LostFetch>>,
}

impl RedisBackend {
    /// How long a queue that was made known is not made known again. An operator may have deleted it since.
    const KNOWN_FOR: Duration = Duration::from_secs(60);

    /// A back-end on this Redis.
    pub fn new(options: RedisOptions) -> Self {
        Self::with_randomness(options, StdRng::from_rng(&mut rand::rng()))
    }

    fn with_randomness(options: RedisOptions, tokens: StdRng) -> Self {
        let link = Link::new(options);
        let shared = Shared {
            keys: KeyCache::default(),
            known: Mutex::default(),
            tokens: Mutex::new(tokens),
            lost: Mutex::default(),
        };
        Self {
            listener: Arc::new(Listener::new(link.clone())),
            link,
            clock: Arc::new(SystemClock),
            leases_by: LeasesBy::Redis,
            undertaker: Arc::default(),
            said: Arc::default(),
            shared: Arc::new(shared),
        }
    }

    /// Takes the time from `clock`. To be said before the back-end is used. Locks, presence and markers pass
    /// away by the clock of Redis all the same.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self.leases_by = LeasesBy::Given;
        self
    }

    /// The same for a machine whose clock is wrong: leases are measured by the clock of Redis, as they are without a clock
    /// of one's own.
    #[doc(hidden)]
    #[must_use]
    pub fn with_clock_of_this_machine(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time by which leases, and whatever else one worker holds and another judges, begin and end.
    pub(crate) fn lease_now(&self) -> Timestamp {
        match self.leases_by {
            LeasesBy::Redis => self.link.time().unwrap_or_else(|| self.now()),
            LeasesBy::Given => self.now(),
        }
    }

    pub(crate) fn keys(&self, queue: &QueueName) -> Arc<QueueKeys> {
        self.shared.keys.get(queue)
    }

    /// A token for what is taken now: a whole number of units of the fraction of a lease's score.
    pub(crate) fn next_token(&self) -> LeaseToken {
        LeaseToken::new(whole(&self.shared.tokens).random_range(1..crate::token::UNITS))
    }

    pub(crate) fn lost_fetches(&self) -> MutexGuard<'_, Vec<LostFetch>> {
        whole(&self.shared.lost)
    }

    /// Those of the queues that have to be made known again, each once.
    pub(crate) fn unknown<'a>(&self, queues: impl IntoIterator<Item = &'a QueueName>) -> Vec<QueueName> {
        let (now, known) = (self.now(), whole(&self.shared.known));
        let mut unknown: Vec<QueueName> = queues
            .into_iter()
            .filter(|queue| known.get(*queue).is_none_or(|at| now.since(*at) >= Self::KNOWN_FOR))
            .cloned()
            .collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// Notes that these queues are known now.
    pub(crate) fn is_known(&self, queues: &[QueueName]) {
        let (now, mut known) = (self.now(), whole(&self.shared.known));
        if known.len() > KeyCache::CAPACITY {
            known.clear();
        }
        known.extend(queues.iter().map(|queue| (queue.clone(), now)));
    }

    /// Forgets that a queue is known: it has been removed.
    pub(crate) fn forget_known(&self, queue: &QueueName) {
        whole(&self.shared.known).remove(queue);
    }
}

/// The guarded values are whole after every statement, so a panic elsewhere does not spoil them.
pub(crate) fn whole<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend for RedisBackend {
    fn presence(&self) -> Option<&dyn Presence> {
        Some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }

    fn publisher(&self) -> Option<&dyn Publisher> {
        Some(self)
    }

    fn schedules(&self) -> Option<&dyn Schedules> {
        Some(self)
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBackend").field("link", &self.link).finish_non_exhaustive()
    }
}
