//! Connects and listens, again and again, until it is ended with the last who listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ear::{EVENTS_MAX, Ear, Event, Said};
use super::hub::Hub;
use super::poller::Poller;
use crate::connect::Listening;
use crate::error::Fault;
use crate::keys::CANCEL;
use crate::reconnect::{PAUSE_MAX, PAUSE_MIN, chain, jittered};

/// Listens without end. The link says when Redis is away, so this does not.
pub(super) async fn run(hub: Arc<Hub>) {
    let mut poller = Poller::default();
    let mut said = Said::default();
    let mut pause = PAUSE_MIN;
    loop {
        let started = Instant::now();
        let fault = match poller.during(&hub, dial(&hub)).await {
            Err(fault) => fault,
            Ok(mut ear) => {
                let fault = ear.listen(&hub, &mut poller, &mut said).await;
                hub.is_deaf();
                fault
            }
        };
        tracing::debug!(redis = hub.link().place(), error = chain(&fault), "cannot listen to redis");
        if started.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        // The workers' own connections may be sound: nobody sleeps because this one is not.
        poller.during(&hub, tokio::time::sleep(jittered(pause))).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn dial(hub: &Arc<Hub>) -> Result<Ear, Fault> {
    let (tell, events) = mpsc::channel(EVENTS_MAX);
    let (missed, pushes_to) = (Arc::default(), Arc::clone(hub));
    let ear_missed = Arc::clone(&missed);
    let pushes = move |push: PushInfo| {
        take_in(push, &pushes_to, &tell, &missed);
        Ok::<(), Infallible>(())
    };
    let listening = hub.link().dialer().dial_listening(Arc::new(pushes)).await?;
    Ok(match listening {
        Listening::Pushed(connection) => Ear::Pushed { connection, events, missed: ear_missed },
        Listening::Subscribed(pubsub) => Ear::Subscribed(pubsub),
    })
}

/// Runs where the connection is read, so it must not wait.
fn take_in(push: PushInfo, hub: &Hub, tell: &mpsc::Sender<Event>, missed: &AtomicBool) {
    let event = match (push.kind, push.data.as_slice()) {
        (PushKind::Message, [Value::BulkString(channel), Value::BulkString(id)]) => {
            if channel == CANCEL.as_bytes() {
                hub.cancelled(id);
            }
            return;
        }
        (PushKind::Invalidate, [Value::Array(keys)]) => {
            let key = |key: &Value| match key {
                Value::BulkString(key) => Some(key.clone()),
                _ => None,
            };
            Event::Changed(keys.iter().filter_map(key).collect())
        }
        // Without keys: the database was flushed.
        (PushKind::Invalidate, _) => Event::Flushed,
        _ => return,
    };
    if tell.try_send(event).is_err() {
        missed.store(true, Ordering::SeqCst);
    }
}
