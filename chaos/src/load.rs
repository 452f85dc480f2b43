//! The load: sign-ups at a steady rate, each repeated with its idempotency key until it is answered, so that an answer
//! that was lost is not a user that was lost. One in ten gives up at the first failure: what it asked for may have
//! happened or not, and must then be whole or not at all.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::journal::Journal;

/// Requests under way at the same time; when the bank stands still, the rest waits here.
const UNDER_WAY_MAX: usize = 64;
/// How far mails may be behind before nobody else signs up, and for how long at most: on a machine that is too slow for
/// the rate, more and more tasks would wait in the end.
const BACKLOG_MAX: u64 = 200;
const BACKLOG_PATIENCE: Duration = Duration::from_secs(20);
/// How long one request may take: a server may be frozen, and others are there.
const ANSWER: Duration = Duration::from_secs(4);
/// The pause before a request is repeated.
const AGAIN: Duration = Duration::from_millis(50);
/// How long a client repeats its request.
const PATIENCE: Duration = Duration::from_secs(90);
/// Of so many clients one gives up at the first failure.
const GIVES_UP: usize = 10;
/// The gRPC code for what cannot be done now and may be later: another request with the key is under way.
const ABORTED: u64 = 10;

/// What the clients know in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Everybody who asked.
    pub(crate) attempted: BTreeSet<String>,
    /// Those who were told that they are users.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Those who did not give up and were not answered.
    pub(crate) unanswered: BTreeSet<String>,
    /// Those who were told that what they ask is not possible, and what they were told.
    pub(crate) refused: Vec<String>,
}

/// A load.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) servers: Arc<[SocketAddr]>,
    pub(crate) sign_ups: usize,
    /// Within this time.
    pub(crate) span: Duration,
    pub(crate) journal: Journal,
    /// How many are acknowledged, for whoever watches.
    pub(crate) progress: watch::Sender<u64>,
    /// How many mails have arrived.
    pub(crate) mails: watch::Receiver<u64>,
}

/// How a request ended.
enum Answer {
    Accepted,
    Refused(String),
    /// Nobody knows whether it was done.
    Unknown,
}

impl Load {
    /// Runs until every client has been answered or has given up.
    pub(crate) async fn run(self) -> anyhow::Result<Ledger> {
        let client = Client::builder().no_proxy().timeout(ANSWER).build()?;
        let (ledger, under_way) =
            (Arc::new(Mutex::new(Ledger::default())), Arc::new(Semaphore::new(UNDER_WAY_MAX)));
        let started = Instant::now();
        let mut clients = JoinSet::new();
        for number in 0..self.sign_ups {
            let share = number as f64 / self.sign_ups as f64;
            sleep_until(started + self.span.mul_f64(share)).await;
            self.wait_for_mails().await;
            let place = Arc::clone(&under_way).acquire_owned().await?;
            let (load, client, ledger) = (self.clone(), client.clone(), Arc::clone(&ledger));
            clients.spawn(async move {
                load.sign_up(&client, number, &ledger).await;
                drop(place);
            });
            while clients.try_join_next().is_some() {}
        }
        clients.join_all().await;
        let ledger = std::mem::take(&mut *ledger.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(ledger)
    }

    async fn wait_for_mails(&self) {
        let signed_up = *self.progress.borrow();
        let enough = |mails: &u64| mails + BACKLOG_MAX >= signed_up;
        let mut mails = self.mails.clone();
        // Whether mails that do not come are lost, the auditor will say.
        let _ = timeout(BACKLOG_PATIENCE, mails.wait_for(enough)).await;
    }

    async fn sign_up(&self, client: &Client, number: usize, ledger: &Mutex<Ledger>) {
        let username = format!("user{number}");
        let note =
            |what: &dyn Fn(&mut Ledger)| what(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner));
        note(&|ledger| {
            ledger.attempted.insert(username.clone());
        });
        let deadline = Instant::now() + PATIENCE;
        for attempt in number.. {
            match self.ask(client, &username, self.servers[attempt % self.servers.len()]).await {
                Answer::Accepted => {
                    note(&|ledger| {
                        ledger.acknowledged.insert(username.clone());
                    });
                    self.progress.send_modify(|done| *done += 1);
                    return;
                }
                Answer::Refused(why) => {
                    return note(&|ledger| ledger.refused.push(format!("{username}: {why}")));
                }
                Answer::Unknown if number.is_multiple_of(GIVES_UP) => return,
                Answer::Unknown if Instant::now() > deadline => {
                    return note(&|ledger| {
                        ledger.unanswered.insert(username.clone());
                    });
                }
                Answer::Unknown => sleep(AGAIN).await,
            }
        }
    }

    async fn ask(&self, client: &Client, username: &str, server: SocketAddr) -> Answer {
        let body = json!({
            "username": username, "password": "secret123", "full_name": "Chaos Monkey", "email": address_of(username),
        });
        let request = client.post(format!("http://{server}/v1/create_user"));
        let sent = request.header("idempotency-key", username).json(&body).send().await;
        let Ok(response) = sent else { return Answer::Unknown };
        let status = response.status();
        if status == StatusCode::OK {
            return Answer::Accepted;
        }
        let Ok(said) = response.json::<Value>().await else { return Answer::Unknown };
        let later =
            status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || said["code"] == ABORTED;
        if later {
            self.journal.remark(username, &format!("{status} {}", said["message"]));
            return Answer::Unknown;
        }
        Answer::Refused(format!("{status} {said}"))
    }
}

/// The address of a user.
pub(crate) fn address_of(username: &str) -> String {
    format!("{username}@chaos.example")
}
