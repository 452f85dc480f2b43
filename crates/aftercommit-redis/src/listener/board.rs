//! Which stream waits for what, and when a change is news to it. No I/O and no clock: both are the task's.
//!
//! What a stream is promised: whatever changes after its subscription gives a hint after which it looks. A key that is
//! armed keeps the promise by itself. While it is not armed, changes go unseen; so whoever may have looked in such a
//! time is *unsure*, and gets a hint once the key is armed again, whatever is read then. Only pending tasks need none of
//! this: whether there are any is read when the key is armed.
//!
//! Looks and changes travel on different connections, so a change may be told only after a stream that has looked behind
//! it waits already. What is told before the first reading since the stream began to wait may be such a change. With due
//! times that matters, since not every change of them is news.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use aftercommit_core::{Result, Wake};
use bytes::Bytes;
use tokio::time::Instant;

use super::entry::{Entry, Seen};
use super::topic::{Change, Cover, Topic};
use crate::command::Command;
use crate::keys::QueueKeys;
use crate::reply::Reply;

/// The shortest time between two readings of due times or groups: while many are scheduled, many changes are one reading.
const READING_PAUSE: Duration = Duration::from_millis(10);
/// How long until what Redis cannot tell of, or would not let us read, is looked at again.
const BLIND_PAUSE: Duration = Duration::from_secs(1);
/// How many topics are read in one round trip.
const READINGS_MAX: usize = 100;

pub(super) type StreamId = u64;
pub(super) type TopicId = u64;

#[derive(Default)]
pub(super) struct Board {
    streams: BTreeMap<StreamId, Stream>,
    topics: BTreeMap<TopicId, Entry>,
    /// The topic that each watched key belongs to.
    of_key: HashMap<Bytes, TopicId>,
    last_id: u64,
    woken: Vec<Waker>,
    /// How many turns were begun.
    turns: u64,
}

struct Stream {
    wake: Wake,
    topics: Vec<Seen>,
    /// There was news.
    is_hinted: bool,
    /// Somebody waits for news.
    waker: Option<Waker>,
}

/// What is to be read now, and when to ask again.
#[derive(Default)]
pub(super) struct Turn {
    /// With the number of commands for each.
    topics: Vec<(TopicId, usize)>,
    number: u64,
    pub(super) commands: Vec<Command>,
    pub(super) next: Option<Instant>,
}

impl Board {
    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    pub(super) fn subscribe(&mut self, wake: Wake, queues: Vec<Arc<QueueKeys>>) -> StreamId {
        self.last_id += 1;
        let id = self.last_id;
        let mut topics: Vec<Seen> = Vec::with_capacity(queues.len());
        for keys in queues {
            let topic = self.topic(wake, keys);
            if topics.iter().any(|seen| seen.topic == topic) {
                continue;
            }
            let entry = self.topics.get_mut(&topic).expect("it was just found or made");
            entry.users.push(id);
            // Nothing is known of when it will look first.
            topics.push(Seen {
                topic,
                changes: entry.changes,
                is_unsure: wake != Wake::Pending,
                asked_at: self.turns,
            });
        }
        self.streams.insert(id, Stream { wake, topics, is_hinted: false, waker: None });
        id
    }

    fn topic(&mut self, wake: Wake, keys: Arc<QueueKeys>) -> TopicId {
        if let Some(id) = self.of_key.get(Topic::name(wake, &keys).as_bytes()) {
            return *id;
        }
        self.last_id += 1;
        let topic = Topic::new(wake, keys);
        self.of_key.extend(topic.watched().into_iter().map(|key| (key, self.last_id)));
        self.topics.insert(
            self.last_id,
            Entry {
                topic,
                users: Vec::new(),
                is_armed: false,
                is_doubtful: false,
                changes: 0,
                read_in: 0,
                rests_until: None,
                expires: None,
            },
        );
        self.last_id
    }

    pub(super) fn unsubscribe(&mut self, id: StreamId) {
        let Some(stream) = self.streams.remove(&id) else { return };
        for seen in stream.topics {
            let Some(entry) = self.topics.get_mut(&seen.topic) else { continue };
            entry.users.retain(|user| *user != id);
            if entry.users.is_empty() {
                self.of_key.retain(|_, topic| *topic != seen.topic);
                self.topics.remove(&seen.topic);
            }
        }
    }

    /// A hint, if there is one; otherwise the wish for one.
    pub(super) fn poll(&mut self, id: StreamId, waker: &Waker) -> Poll<()> {
        let stream = self.streams.get_mut(&id).expect("it lives until it is dropped");
        let mut is_ready = stream.is_hinted;
        for seen in &mut stream.topics {
            let entry = &self.topics[&seen.topic];
            seen.notice(entry);
            seen.asked_at = self.turns;
            is_ready |= seen.is_unsure && entry.is_armed;
        }
        if !is_ready {
            stream.waker = Some(waker.clone());
            return Poll::Pending;
        }
        (stream.is_hinted, stream.waker) = (false, None);
        for seen in &mut stream.topics {
            // It looks now. What is not armed yet may change after that and before it is.
            let entry = &self.topics[&seen.topic];
            seen.is_unsure = !entry.is_armed && entry.topic.wake() != Wake::Pending;
        }
        Poll::Ready(())
    }

    /// What has to be read: what somebody waits for and is not armed, or may have changed before he waited.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        self.turns += 1;
        let mut turn = Turn { number: self.turns, ..Turn::default() };
        for (id, entry) in &mut self.topics {
            let waiting = entry.users.iter().map(|user| &self.streams[user]).filter(|it| it.waker.is_some());
            let (mut is_awaited, mut is_unsettled) = (false, false);
            for stream in waiting {
                is_awaited = true;
                is_unsettled |=
                    stream.topics.iter().any(|seen| seen.topic == *id && seen.is_unsettled(entry));
            }
            if !is_awaited {
                continue;
            }
            if entry.expires.is_some_and(|expires| expires <= now) {
                entry.disarm_in_doubt();
            }
            let is_to_read = !entry.is_armed || is_unsettled;
            let until = if is_to_read { entry.rests_until } else { entry.expires };
            if !is_to_read || until.is_some_and(|until| until > now) {
                turn.next = [turn.next, until].into_iter().flatten().min();
            } else if turn.topics.len() < READINGS_MAX {
                let before = turn.commands.len();
                entry.topic.commands(&mut turn.commands);
                turn.topics.push((*id, turn.commands.len() - before));
            }
        }
        turn
    }

    /// Takes in what was read.
    pub(super) fn read(&mut self, turn: &Turn, answers: Vec<Result<Reply>>, now: Instant) {
        let mut answers = answers.into_iter();
        for (id, commands) in &turn.topics {
            let mut answers: Vec<_> = answers.by_ref().take(*commands).collect();
            // It may have lost its last stream meanwhile.
            let Some(entry) = self.topics.get_mut(id) else { continue };
            let (is_news, cover) = match entry.topic.conclude(&mut answers.drain(..)) {
                Ok(finding) => (finding.is_news, finding.cover),
                Err(error) => {
                    tracing::debug!(queue = entry.topic.keys.prefix, %error, "cannot look for changes");
                    (true, Cover::TooMany)
                }
            };
            let is_news = is_news | std::mem::take(&mut entry.is_doubtful);
            entry.is_armed = cover != Cover::Part;
            entry.read_in = turn.number;
            entry.expires = (cover == Cover::TooMany).then(|| now + BLIND_PAUSE);
            entry.rests_until =
                (entry.topic.wake() != Wake::Pending && entry.is_armed).then(|| now + READING_PAUSE);
            if entry.topic.wake() == Wake::Groups {
                self.of_key.retain(|_, topic| topic != id);
                self.of_key.extend(entry.topic.watched().into_iter().map(|key| (key, *id)));
            }
            self.tell(*id, |stream, is_unsure| is_news || (is_unsure && stream.waker.is_some()));
        }
    }

    /// Takes in that a key has changed. Redis says so once, until it is read again.
    pub(super) fn changed(&mut self, key: &[u8]) {
        let Some(id) = self.of_key.get(key).copied() else { return };
        let Some(entry) = self.topics.get_mut(&id) else { return };
        match entry.topic.judge(key) {
            Change::Irrelevant => {}
            Change::News => {
                entry.is_armed = false;
                // Whoever does not wait now will find it when the key is armed for him.
                self.tell(id, |stream, _| stream.waker.is_some());
            }
            Change::Unclear => {
                entry.is_armed = false;
                entry.changes += 1;
                for user in &entry.users {
                    let stream = self.streams.get_mut(user).expect("a user leaves before it is dropped");
                    let waits = stream.waker.is_some();
                    for seen in stream.topics.iter_mut().filter(|seen| waits && seen.topic == id) {
                        // Those who do not wait notice when they are asked.
                        seen.is_unsure |= seen.is_unsettled(entry);
                    }
                }
            }
        }
    }

    /// Takes in that nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.topics.values_mut().for_each(Entry::disarm_in_doubt);
    }

    /// True if somebody waits for this.
    pub(super) fn is_awaited(&self, wake: Wake) -> bool {
        self.streams.values().any(|stream| stream.wake == wake && stream.waker.is_some())
    }

    /// Gives everybody a hint who waits for this.
    pub(super) fn hint(&mut self, wake: Wake) {
        for stream in self.streams.values_mut().filter(|stream| stream.wake == wake) {
            if let Some(waker) = stream.waker.take() {
                stream.is_hinted = true;
                self.woken.push(waker);
            }
        }
    }

    /// Those to wake.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }

    /// Gives a hint to those who use the topic and for whom it holds.
    fn tell(&mut self, topic: TopicId, holds: impl Fn(&Stream, bool) -> bool) {
        for user in &self.topics[&topic].users {
            let stream = self.streams.get_mut(user).expect("a user leaves before it is dropped");
            let is_unsure = stream.topics.iter().any(|seen| seen.topic == topic && seen.is_unsure);
            if holds(stream, is_unsure) {
                stream.is_hinted = true;
                self.woken.extend(stream.waker.take());
            }
        }
    }
}
