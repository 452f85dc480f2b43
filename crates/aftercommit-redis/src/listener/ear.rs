//! One connection that is listened to, until it is lost.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use redis::{RedisError, RedisResult, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hub::Hub;
use super::poller::Poller;
use crate::command::Command;
use crate::connection::Connection;
use crate::error::Fault;
use crate::keys::CANCEL;
use crate::link::Shape;
use crate::reply::Reply;

/// After how long a silence Redis is asked whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(2);
/// How long it may take to answer. With the silence before, a dead connection is noticed within five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2500);

/// How many changes may wait to be taken in. Redis tells each armed key once, so it takes as many keys to have more.
pub(super) const EVENTS_MAX: usize = 1024;

/// What a connection hears.
pub(super) enum Ear {
    /// RESP3.
    Pushed {
        connection: Connection,
        events: mpsc::Receiver<Event>,
        /// More was told than could be taken in.
        missed: Arc<AtomicBool>,
    },
    /// RESP2: cancellations alone.
    Subscribed(PubSub),
}

/// What Redis tells about keys that were read.
#[derive(Debug)]
pub(super) enum Event {
    Changed(Vec<Vec<u8>>),
    Flushed,
}

/// What the log has said, so that it does not say it at each connection.
#[derive(Debug, Default)]
pub(super) struct Said {
    polls: bool,
    is_deaf: bool,
}

impl Ear {
    /// Listens until the connection is lost, and says why it is.
    pub(super) async fn listen(&mut self, hub: &Hub, poller: &mut Poller, said: &mut Said) -> Fault {
        let lost = match self {
            Self::Pushed { connection, events, missed } => {
                listen_to_pushes(connection, events, missed, hub, poller, said).await
            }
            Self::Subscribed(pubsub) => {
                said.polls(hub, "it does not speak RESP3");
                poller.during(hub, listen_to_subscription(pubsub, hub, said)).await
            }
        };
        let Err(error) = lost;
        Fault::Call(error)
    }
}

async fn listen_to_pushes(
    connection: &Connection,
    events: &mut mpsc::Receiver<Event>,
    missed: &AtomicBool,
    hub: &Hub,
    poller: &mut Poller,
    said: &mut Said,
) -> RedisResult<Infallible> {
    let subscribe = Command::new("SUBSCRIBE").arg(CANCEL);
    let track = Command::new("CLIENT").arg("TRACKING").arg("ON");
    let is_tracked = match hub.link().shape() {
        Shape::Single => {
            let [subscribed, tracked] =
                send(connection, &[subscribe, track]).await?.try_into().map_err(miscounted)?;
            said.hears(hub, subscribed);
            tracked.map_err(|error| said.polls(hub, &error.to_string())).is_ok()
        }
        Shape::Cluster => {
            let [subscribed] = send(connection, &[subscribe]).await?.try_into().map_err(miscounted)?;
            said.hears(hub, subscribed);
            said.polls(hub, "it is a cluster, whose nodes each know their own keys");
            false
        }
    };
    if is_tracked {
        said.polls = false;
        watch(connection, events, missed, hub).await
    } else {
        poller.during(hub, stay(connection)).await
    }
}

/// Arms what somebody waits for, and takes in what changes.
async fn watch(
    connection: &Connection,
    events: &mut mpsc::Receiver<Event>,
    missed: &AtomicBool,
    hub: &Hub,
) -> RedisResult<Infallible> {
    let mut gone = pin!(connection.when_gone());
    let mut heard = Instant::now();
    loop {
        while let Ok(event) = events.try_recv() {
            take_in(&event, hub);
        }
        if missed.swap(false, Ordering::SeqCst) {
            take_in(&Event::Flushed, hub);
        }
        let turn = hub.with_board(|board| board.turn(Instant::now()));
        if !turn.commands.is_empty() {
            let answers = send(connection, &turn.commands).await?;
            heard = Instant::now();
            let answers = answers.into_iter().map(reply).collect();
            // What is told by now was so before the reading, or came after it. It counts as both.
            let told: Vec<Event> = std::iter::from_fn(|| events.try_recv().ok()).take(EVENTS_MAX).collect();
            told.iter().for_each(|event| take_in(event, hub));
            hub.with_board(|board| board.read(&turn, answers, heard));
            told.iter().for_each(|event| take_in(event, hub));
            continue;
        }
        let again = async {
            match turn.next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => if let Some(event) = event {
                heard = Instant::now();
                take_in(&event, hub);
            },
            () = hub.when_somebody_waits() => {}
            () = again => {}
            () = tokio::time::sleep_until(heard + PING_AFTER) => {
                ping(connection).await?;
                heard = Instant::now();
            }
            () = &mut gone => return Err(closed()),
        }
    }
}

fn take_in(event: &Event, hub: &Hub) {
    hub.with_board(|board| match event {
        Event::Changed(keys) => keys.iter().for_each(|key| board.changed(key)),
        Event::Flushed => board.forget(),
    });
}

/// Only makes sure that the connection lives.
async fn stay(connection: &Connection) -> RedisResult<Infallible> {
    let mut gone = pin!(connection.when_gone());
    loop {
        tokio::select! {
            () = tokio::time::sleep(PING_AFTER) => ping(connection).await?,
            () = &mut gone => return Err(closed()),
        }
    }
}

async fn listen_to_subscription(pubsub: &mut PubSub, hub: &Hub, said: &mut Said) -> RedisResult<Infallible> {
    let subscribed = in_time(pubsub.subscribe(CANCEL)).await;
    if let Err(error) = &subscribed
        && (error.is_io_error() || error.is_unrecoverable_error())
    {
        return Err(error.clone());
    }
    said.hears(hub, subscribed);
    loop {
        let message = tokio::time::timeout(PING_AFTER, async { pubsub.on_message().next().await });
        match message.await {
            Ok(Some(message)) => hub.cancelled(message.get_payload_bytes()),
            Ok(None) => return Err(closed()),
            Err(_) => in_time(pubsub.ping::<Value>()).await.map(drop)?,
        }
    }
}

async fn ping(connection: &Connection) -> RedisResult<()> {
    send(connection, &[Command::new("PING")]).await.map(drop)
}

async fn send(connection: &Connection, commands: &[Command]) -> RedisResult<Vec<RedisResult<Value>>> {
    in_time(connection.send(commands)).await
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = |_| RedisError::from(io::Error::new(io::ErrorKind::TimedOut, "redis did not answer in time"));
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(late)?
}

fn reply(answer: RedisResult<Value>) -> aftercommit_core::Result<Reply> {
    answer.map(Reply::from).map_err(|error| Fault::Call(error).while_trying_to("look for changes"))
}

fn closed() -> RedisError {
    io::Error::new(io::ErrorKind::ConnectionReset, "redis closed the connection").into()
}

fn miscounted<T>(_: T) -> RedisError {
    io::Error::new(io::ErrorKind::InvalidData, "redis gave another number of answers than commands").into()
}

impl Said {
    /// Hints come from a clock.
    fn polls(&mut self, hub: &Hub, why: &str) {
        if !std::mem::replace(&mut self.polls, true) {
            tracing::info!(
                redis = hub.link().place(),
                why,
                "redis cannot tell of changes; looking for work at intervals"
            );
        }
    }

    /// Whether the channel of cancellations is heard.
    fn hears<T>(&mut self, hub: &Hub, subscribed: RedisResult<T>) {
        match subscribed {
            Ok(_) => {
                self.is_deaf = false;
                hub.hears();
            }
            Err(error) if !std::mem::replace(&mut self.is_deaf, true) => tracing::warn!(
                redis = hub.link().place(),
                %error,
                "redis does not let us subscribe; cancellations are not heard"
            ),
            Err(_) => {}
        }
    }
}
