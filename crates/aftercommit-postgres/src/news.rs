//! Who waits for what, and how they learn of it: told at once within this process, by a notification of another
//! process ([`listener`](crate::listener)), or by looking ([`poller`](crate::poller)). Both run while anybody listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercommit_core::{State, Wake, Wakes};
use futures_util::stream;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::bell::Bell;
use crate::links::Links;
pub(crate) use crate::topic::{Topic, Topics};
use crate::{listener, poller};

/// The news of one handle and its clones.
#[derive(Debug)]
pub(crate) struct News {
    links: Arc<Links>,
    bell: Arc<Bell>,
    /// A watch keeps one unread change for each receiver, so that hints are coalesced and one between subscribing and
    /// waiting is kept.
    topics: [watch::Sender<Round>; Topic::ALL.len()],
    /// Somebody began to wait.
    waiting: Notify,
    ears: Mutex<Ears>,
}

/// A topic since its last hint.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    number: u64,
    /// How many streams have had that hint, and wait for the next.
    waiting: usize,
}

/// Who listens, and the task that hears for them.
#[derive(Debug, Default)]
struct Ears {
    streams: usize,
    task: Option<AbortHandle>,
    closed: bool,
}

impl News {
    /// Nobody listens yet.
    pub(crate) fn new(links: Arc<Links>) -> Self {
        Self {
            links,
            bell: Arc::new(Bell::new()),
            topics: Topic::ALL.map(|_| watch::Sender::default()),
            waiting: Notify::new(),
            ears: Mutex::default(),
        }
    }

    pub(crate) const fn links(&self) -> &Arc<Links> {
        &self.links
    }

    pub(crate) const fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Tells those who wait in this process.
    pub(crate) fn tell(&self, topics: impl Into<Topics>) {
        for topic in topics.into().iter() {
            self.topics[topic as usize].send_modify(|round| {
                *round = Round { number: round.number.wrapping_add(1), waiting: 0 };
            });
        }
    }

    /// Tells those who wait in this process of everything: somebody begins to hear, and may have missed it.
    pub(crate) fn tell_everything(&self) {
        Topic::ALL.into_iter().for_each(|topic| self.tell(topic));
    }

    /// Tells those who wait, in this process and in others.
    pub(crate) fn announce(&self, topics: impl Into<Topics>) {
        let topics = topics.into();
        if !topics.is_empty() {
            self.tell(topics);
            self.bell.ring(topics, &self.links);
        }
    }

    /// There is one more task in this state.
    pub(crate) fn announce_stored(&self, state: State) {
        match state {
            State::Pending => self.announce(Topic::Pending),
            State::Scheduled | State::Retry => self.announce(Topic::Due),
            State::Aggregating => self.announce(Topic::Groups),
            State::Active | State::Archived | State::Completed => {}
        }
    }

    /// There is something new, and the caller does not know what.
    pub(crate) fn announce_everything(&self) {
        Topic::ALL.into_iter().for_each(|topic| self.announce(topic));
    }

    /// A stream of hints from now on.
    pub(crate) fn wakes(self: &Arc<Self>, wake: Wake) -> Wakes {
        let topic = match wake {
            Wake::Pending => Topic::Pending,
            Wake::Due => Topic::Due,
            Wake::Groups => Topic::Groups,
        };
        self.hints(topic)
    }

    /// The same about any topic.
    pub(crate) fn hints(self: &Arc<Self>, topic: Topic) -> Wakes {
        self.ears().streams += 1;
        let mut changes = self.topics[topic as usize].subscribe();
        let had = changes.borrow_and_update().number;
        let listener = Listener { news: Arc::clone(self), topic, changes, had, waits: false };
        Box::pin(stream::unfold(listener, |mut listener| async move {
            listener.next().await.then_some(((), listener))
        }))
    }

    /// Which topics somebody waits for.
    pub(crate) fn waited_for(&self) -> Topics {
        let mut topics = Topics::default();
        for topic in Topic::ALL {
            if self.topics[topic as usize].borrow().waiting > 0 {
                topics.add(topic);
            }
        }
        topics
    }

    /// How many hints there were about these topics.
    pub(crate) fn hints_given(&self, topics: Topics) -> u64 {
        topics.iter().map(|topic| self.topics[topic as usize].borrow().number).fold(0, u64::wrapping_add)
    }

    /// Waits until somebody waits for something.
    pub(crate) async fn when_somebody_waits(&self) {
        while self.waited_for().is_empty() {
            self.waiting.notified().await;
        }
    }

    /// Hears nothing any more.
    pub(crate) fn close(&self) {
        let mut ears = self.ears();
        ears.closed = true;
        ears.end();
    }

    /// Makes sure that somebody hears. A runtime that ended has taken the task with it.
    fn listen(self: &Arc<Self>) {
        let mut ears = self.ears();
        if !ears.closed && ears.task.as_ref().is_none_or(AbortHandle::is_finished) {
            let news = Arc::clone(self);
            let hear = async move { tokio::join!(listener::run(&news), poller::run(&news)) };
            ears.task = Some(tokio::spawn(hear).abort_handle());
        }
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ears {
    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// One stream of hints.
struct Listener {
    news: Arc<News>,
    topic: Topic,
    changes: watch::Receiver<Round>,
    /// The last hint it had.
    had: u64,
    /// Whether it is counted among those that wait for the next.
    waits: bool,
}

impl Listener {
    /// Waits for a hint; false when there are no more.
    async fn next(&mut self) -> bool {
        self.news.listen();
        self.wait();
        if self.changes.changed().await.is_err() {
            return false;
        }
        self.had = self.changes.borrow_and_update().number;
        self.waits = false;
        true
    }

    fn wait(&mut self) {
        let had = self.had;
        self.waits |= self.topic().send_if_modified_quietly(|round| {
            let waits = round.number == had;
            round.waiting += usize::from(waits);
            waits
        });
        if self.waits {
            self.news.waiting.notify_one();
        }
    }

    fn topic(&self) -> &watch::Sender<Round> {
        &self.news.topics[self.topic as usize]
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.waits {
            let had = self.had;
            self.topic().send_if_modified_quietly(|round| {
                let waited = round.number == had;
                round.waiting -= usize::from(waited);
                waited
            });
        }
        let mut ears = self.news.ears();
        ears.streams -= 1;
        if ears.streams == 0 {
            ears.end();
        }
    }
}

/// Changes what a watch holds, and tells nobody.
trait Quietly {
    fn send_if_modified_quietly(&self, change: impl FnOnce(&mut Round) -> bool) -> bool;
}

impl Quietly for watch::Sender<Round> {
    fn send_if_modified_quietly(&self, change: impl FnOnce(&mut Round) -> bool) -> bool {
        let mut changed = false;
        self.send_if_modified(|round| {
            changed = change(round);
            false
        });
        changed
    }
}
