//! A scene: a bank, a Redis, what is done to them, and what is seen, told step by step to whoever reads along.

use crate::database::{self, Database};
use crate::events::events;
use crate::home::{Home, Server, answer, user};
use crate::process::PATIENCE;
use crate::queues::{AGAIN, Queues};
use crate::table;
use aftercommit_servers::{AppendFsync, RedisServer};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// What every line of a bank's log is printed behind.
const LOG: &str = "    | ";

/// How a fail-point ends a bank.
const SIGKILL: i32 = 9;

/// A bank and its Redis.
pub(crate) struct Scene {
    // Dropped in this order: a bank that is gone does not complain that its Redis is.
    pub(crate) bank: Server,
    pub(crate) queues: Queues,
    pub(crate) redis: RedisServer,
    pub(crate) home: Home,
    database: Database,
    /// How many lines of the log belong to earlier steps.
    told: usize,
    /// How many requests this bank has answered.
    answered: Cell<usize>,
}

/// Whether Redis runs when the bank starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redis {
    Up,
    Down,
    /// It runs, and a restart begins with nothing.
    Forgetful,
}

/// An answer, and how long it took.
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
    pub(crate) took: Duration,
}

impl Scene {
    /// Starts a Redis, which keeps its data unless that is not wanted, and a bank with these settings.
    pub(crate) async fn open(title: &str, redis: Redis, settings: &[(&str, &str)]) -> Self {
        println!("\n\n== {title} (on {})", database::NAME);
        let builder = RedisServer::builder();
        let mut server = match redis {
            Redis::Forgetful => builder.start(),
            Redis::Up | Redis::Down => builder.append_only(AppendFsync::EverySecond).start(),
        }
        .unwrap();
        if redis == Redis::Down {
            println!("$ make redis_stop");
            server.stop().unwrap();
        }
        let mut home = Home::new();
        home.prefix = Some(LOG);
        let database = Database::new();
        home.settings.push(("DB_SOURCE", database.source()));
        home.settings.push(("REDIS_ADDRESS", server.addr().to_string()));
        let bank = start(&home, settings).await;
        Self {
            home,
            database,
            queues: Queues::of(&server),
            redis: server,
            told: bank.matching("").len(),
            bank,
            answered: Cell::new(0),
        }
    }

    /// Stops the bank and starts it with other settings, on the same data.
    pub(crate) async fn restart(self, settings: &[(&str, &str)]) -> Self {
        let Self { home, database, redis, bank, queues, .. } = self;
        println!("$ kill -TERM $(pidof simplebank)");
        let ended = bank.into_process().stop().await;
        let killed = ended.status.signal() == Some(SIGKILL);
        assert!(killed || ended.status.success(), "{}: {}", ended.status, ended.printed());
        let bank = start(&home, settings).await;
        // What is done at the start belongs to what follows.
        Self { home, database, redis, bank, queues, told: 0, answered: Cell::new(0) }
    }

    pub(crate) fn stop_redis(&mut self) {
        println!("$ make redis_stop");
        self.redis.stop().unwrap();
    }

    pub(crate) fn start_redis(&mut self) {
        println!("$ make redis_start");
        self.redis.start_again().unwrap();
    }

    pub(crate) fn flush_redis(&self) {
        println!("$ redis-cli flushall");
        self.redis.command(&["FLUSHALL"]).unwrap();
    }

    /// Asks for a new user.
    pub(crate) async fn sign_up(&self, username: &str) -> Answer {
        self.send(username, "", self.bank.create_user(username)).await
    }

    /// Asks for a new user, with a key that makes it safe to ask again.
    pub(crate) async fn sign_up_once(&self, username: &str, key: &str) -> Answer {
        let request = self.bank.create_user(username).header("idempotency-key", key);
        self.send(username, &format!("-H 'Idempotency-Key: {key}' "), request).await
    }

    async fn send(&self, username: &str, header: &str, request: RequestBuilder) -> Answer {
        println!("$ curl {header}-d '{}' http://{}/v1/create_user", user(username), self.bank.http);
        let asked = Instant::now();
        let (status, body) = answer(request).await.unwrap();
        let took = asked.elapsed();
        println!("{} {body}", status.as_u16());
        // The line of a request may come after its answer.
        self.answered.set(self.answered.get() + 1);
        self.bank.lines("path=/v1/create_user", self.answered.get()).await;
        Answer { status, body, took }
    }

    /// Whether a user is there.
    pub(crate) async fn user(&self, username: &str) -> String {
        let users = self.database.look(&self.home, "SELECT username FROM users ORDER BY created_at").await;
        println!("{users}");
        match users.lines().any(|user| user == username) {
            true => format!("{username} is a user"),
            false => format!("no user {username}"),
        }
    }

    /// What waits in Redis.
    pub(crate) async fn tasks(&self) -> String {
        self.queues.words().await
    }

    /// What waits in the database to be published.
    pub(crate) async fn outbox(&self) -> String {
        let backlog = self.database.backlog(&self.home).await;
        format!("{} in the outbox", backlog.waiting + backlog.buried)
    }

    /// Waits until everything is published and marked so, which is a moment after it runs.
    pub(crate) async fn until_published(&self) {
        let empty = async {
            while self.outbox().await != "0 in the outbox" {
                sleep(AGAIN).await;
            }
        };
        timeout(PATIENCE, empty).await.expect("the relay empties the outbox");
    }

    /// Who got a mail.
    pub(crate) fn mails(&self) -> String {
        let mut to: Vec<String> = self.home.mails().into_iter().map(|mail| mail.to).collect();
        to.sort_unstable();
        if to.is_empty() { "no mail".to_owned() } else { format!("mail to {}", to.join(", ")) }
    }

    /// What the log says happened since the last row, in order.
    pub(crate) fn log(&self) -> String {
        events(self.bank.matching("").iter().skip(self.told).map(String::as_str))
    }

    /// Holds what was seen, fact by fact, against what the course says.
    pub(crate) fn row(&mut self, number: u16, expected: &[&str], seen: &[String]) {
        self.told = self.bank.matching("").len();
        println!("row {number}");
        for (expected, seen) in expected.iter().zip(seen) {
            println!("    expected  {expected}\n    seen      {seen}");
        }
        table::keep(number, &expected.join("; "), &seen.join("; "));
        assert_eq!(seen, expected, "row {number}: {}", self.bank.log());
        println!("    row {number} is as expected");
    }
}

impl Answer {
    /// The status, and for an error what it says.
    pub(crate) fn words(&self) -> String {
        match self.body.get("message").and_then(Value::as_str) {
            Some(message) => format!("{} {message}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// The same, with whether it took as long as something that it waited for.
    pub(crate) fn words_after(&self, awaited: Duration) -> String {
        let when = if self.took >= awaited { "after" } else { "before" };
        format!("{} {when} {awaited:?}", self.words())
    }
}

async fn start(home: &Home, settings: &[(&str, &str)]) -> Server {
    let shown: Vec<String> = settings.iter().map(|(name, value)| format!("{name}='{value}' ")).collect();
    println!("$ {}simplebank", shown.concat());
    home.bank(settings).await
}
