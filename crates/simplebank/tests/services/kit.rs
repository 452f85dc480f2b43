//! A bank on a database of its own, with a clock that is set by hand and tasks that are written into a
//! table of the same database, as a queue would.

use crate::database::{Database, record};
use async_trait::async_trait;
use simplebank::domain::time::{ManualClock, Timestamp};
use simplebank::password::{Cost, PasswordPool, PoolLimits};
use simplebank::secret::Secret;
use simplebank::service::{Bank, CreateUser, Parts, Preparation, Settings, VerificationMail};
use simplebank::store::{Source, Store, Tx, migrate};
use simplebank::tasks::{DistributeTasks, Enqueued, Progress, WritesTo};
use simplebank::token::entropy::OsEntropy;
use simplebank::token::keyring::{Key, KeyRing};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(15 * 60);
pub(crate) const KEY: &str = "12345678901234567890123456789012";
pub(crate) const MICROSECOND: Duration = Duration::from_micros(1);

/// A bank and everything a test wants to touch.
pub(crate) struct World {
    pub(crate) bank: Bank,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tasks: Arc<RecordedTasks>,
    pub(crate) database: Database,
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::hashing("argon2id:m=8,t=1,p=1", PoolLimits { threads: NonZeroUsize::MIN, queue: 1_000 }).await
    }

    pub(crate) async fn hashing(cost: &str, limits: PoolLimits) -> Self {
        Self::on(Database::new().await, cost, limits).await
    }

    /// On a database that the test has made.
    pub(crate) async fn on(database: Database, cost: &str, limits: PoolLimits) -> Self {
        migrate::up(database.source()).await.expect("a migrated database");
        let store = Store::open(database.source()).await.expect("an open database");
        let clock = Arc::new(ManualClock::at(START));
        let tasks = Arc::new(RecordedTasks::default());
        let cost: Cost = cost.parse().expect("a cost");
        let bank =
            bank(&store, KEY, "", PasswordPool::new(&cost, limits, Arc::new(OsEntropy)), &clock, &tasks);
        let world = Self { bank, clock, tasks, database, store };
        world.sql("CREATE TABLE recorded_tasks (username TEXT NOT NULL)").await;
        world
    }

    /// A bank on the same database as another process would have one: nothing else in common.
    pub(crate) async fn other_process(&self) -> Bank {
        self.other_process_at(self.database.source()).await
    }

    /// As [`other_process`](Self::other_process), with another way to the database.
    pub(crate) async fn other_process_at(&self, source: &Source) -> Bank {
        let store = Store::open(source).await.expect("an open database");
        bank(&store, KEY, "", cheap_passwords(), &self.clock, &self.tasks)
    }

    /// The bank after a restart with other keys.
    pub(crate) fn with_keys(&self, current: &str, previous: &str) -> Bank {
        bank(&self.store, current, previous, cheap_passwords(), &self.clock, &self.tasks)
    }

    pub(crate) async fn sql(&self, sql: &str) {
        self.database.run(sql).await.expect("a statement of the test");
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.database.count(sql).await
    }

    /// Users and tasks: the two that must agree.
    pub(crate) async fn users_and_tasks(&self) -> (i64, i64) {
        let users = self.count("SELECT count(*) FROM users").await;
        (users, self.count("SELECT count(*) FROM recorded_tasks").await)
    }

    /// Creates alice and returns the mail that proves her address.
    pub(crate) async fn alice_and_her_mail(&self) -> VerificationMail {
        self.bank.create_user(alice(), None).await.expect("a new user");
        mail(&self.bank, "alice").await
    }
}

/// The mail that is to be sent to this user.
pub(crate) async fn mail(bank: &Bank, username: &str) -> VerificationMail {
    match bank.prepare_verification(username).await.expect("a preparation") {
        Preparation::Send(mail) => mail,
        other => panic!("there should be a mail to send: {other:?}"),
    }
}

pub(crate) fn alice() -> CreateUser {
    user("alice", "alice@example.com")
}

pub(crate) fn user(username: &str, email: &str) -> CreateUser {
    CreateUser {
        username: username.to_owned(),
        full_name: "Alice Ten".to_owned(),
        email: email.to_owned(),
        password: Secret::new("secret123"),
    }
}

fn cheap_passwords() -> PasswordPool {
    let cost: Cost = "argon2id:m=8,t=1,p=1".parse().expect("a cost");
    PasswordPool::new(&cost, PoolLimits { threads: NonZeroUsize::MIN, queue: 1_000 }, Arc::new(OsEntropy))
}

fn key_ring(current: &str, previous: &str) -> KeyRing {
    let key = |text: &str| Key::parse(text).expect("a key");
    let previous = previous.split(',').filter(|text| !text.is_empty()).map(key).collect();
    KeyRing::new(key(current), previous).expect("a key ring")
}

fn bank(
    store: &Store,
    current: &str,
    previous: &str,
    passwords: PasswordPool,
    clock: &Arc<ManualClock>,
    tasks: &Arc<RecordedTasks>,
) -> Bank {
    let (clock, tasks) = (Arc::clone(clock), Arc::clone(tasks));
    Bank::new(Parts {
        store: store.clone(),
        passwords,
        keys: key_ring(current, previous),
        clock,
        entropy: Arc::new(OsEntropy),
        tasks,
        settings: Settings { verify_email_duration: CODE_LIFE },
    })
}

/// Writes a row per task in the caller's transaction. Can be told to fail after that, or to stop there.
#[derive(Debug)]
pub(crate) struct RecordedTasks {
    pub(crate) fails: AtomicBool,
    pub(crate) stops: AtomicBool,
    /// A permit for each task that has stopped.
    pub(crate) stopped: Semaphore,
    /// A permit for each task that may go on.
    pub(crate) go_on: Semaphore,
}

impl Default for RecordedTasks {
    fn default() -> Self {
        Self {
            fails: AtomicBool::new(false),
            stops: AtomicBool::new(false),
            stopped: Semaphore::new(0),
            go_on: Semaphore::new(0),
        }
    }
}

#[async_trait]
impl DistributeTasks for RecordedTasks {
    async fn distribute_send_verify_email(
        &self,
        tx: &mut Tx,
        username: &str,
    ) -> aftercommit::Result<Progress> {
        record(tx, username).await.expect("a statement of the test");
        if self.fails.load(Ordering::SeqCst) {
            return Err(aftercommit::Error::unavailable("enqueue a task", "10.0.0.7:6379 is out of order"));
        }
        if self.stops.load(Ordering::SeqCst) {
            self.stopped.add_permits(1);
            self.go_on.acquire().await.expect("nobody closes it").forget();
        }
        Ok(Progress::WithCommit(Enqueued {
            task_type: "task:send_verify_email",
            payload: None,
            queue: "critical".to_owned(),
            max_retry: 10,
        }))
    }

    fn writes_to(&self) -> WritesTo {
        WritesTo::Queue
    }
}
