//! Who listens. Starts the task that hears for them, and ends it with the last of them.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use aftercommit_core::{Cancellation, TaskId, Wake};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::AbortHandle;

use super::board::{Board, StreamId};
use super::{Heard, task};
use crate::backend::whole;
use crate::keys::QueueKeys;
use crate::link::Link;

/// How many cancellations a listener may be behind before it loses the oldest. They are a few dozen bytes each, and
/// taken at once by a worker that lives.
const CANCELLATIONS_MAX: usize = 1024;
/// How long a cancellation of this process waits for this process to hear. Redis has answered by then, or is away.
const HEARING_TIMEOUT: Duration = Duration::from_secs(1);

/// What the streams and the task share.
pub(super) struct Hub {
    link: Link,
    state: Mutex<State>,
    /// Somebody began to wait.
    waiting: Notify,
    cancelled: broadcast::Sender<Cancellation>,
    /// Whether cancellations are heard.
    hears: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    board: Board,
    /// How many streams of cancellations there are.
    listeners: usize,
    task: Option<AbortHandle>,
}

impl Hub {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            state: Mutex::default(),
            waiting: Notify::new(),
            cancelled: broadcast::Sender::new(CANCELLATIONS_MAX),
            hears: watch::Sender::new(false),
        }
    }

    pub(super) fn subscribe(&self, wake: Wake, queues: Vec<Arc<QueueKeys>>) -> StreamId {
        whole(&self.state).board.subscribe(wake, queues)
    }

    pub(super) fn unsubscribe(&self, stream: StreamId) {
        let mut state = whole(&self.state);
        state.board.unsubscribe(stream);
        self.end_unless_needed(&mut state);
    }

    /// A hint, or the wish for one.
    pub(super) fn poll(self: &Arc<Self>, stream: StreamId, waker: &Waker) -> Poll<()> {
        let mut state = whole(&self.state);
        self.start_in(&mut state);
        let hint = state.board.poll(stream, waker);
        drop(state);
        if hint.is_pending() {
            self.waiting.notify_one();
        }
        hint
    }

    pub(super) fn listen(self: &Arc<Self>) -> Heard {
        let mut state = whole(&self.state);
        state.listeners += 1;
        // Outside of a runtime the task starts when the stream is first asked.
        if Handle::try_current().is_ok() {
            self.start_in(&mut state);
        }
        Heard { hub: Arc::clone(self), cancelled: self.cancelled.subscribe() }
    }

    pub(super) fn stop_listening(&self) {
        let mut state = whole(&self.state);
        state.listeners -= 1;
        self.end_unless_needed(&mut state);
    }

    /// Makes sure that the task runs.
    pub(super) fn start(self: &Arc<Self>) {
        self.start_in(&mut whole(&self.state));
    }

    fn start_in(self: &Arc<Self>, state: &mut State) {
        if state.task.as_ref().is_none_or(AbortHandle::is_finished) {
            if state.task.is_some() {
                // It never ends by itself: its runtime is gone, and the connection with it.
                state.board.forget();
                self.hears.send_replace(false);
            }
            state.task = Some(tokio::spawn(task::run(Arc::clone(self))).abort_handle());
        }
    }

    /// The connection goes with the task.
    fn end_unless_needed(&self, state: &mut State) {
        if state.listeners == 0
            && state.board.is_empty()
            && let Some(task) = state.task.take()
        {
            task.abort();
            self.hears.send_replace(false);
        }
    }

    /// Waits, not for long, until cancellations are heard, if anybody here listens to them.
    pub(super) async fn when_heard(&self) {
        if whole(&self.state).listeners == 0 {
            return;
        }
        let mut hears = self.hears.subscribe();
        // Redis may be away: then the caller finds out by itself.
        let _ = tokio::time::timeout(HEARING_TIMEOUT, hears.wait_for(|hears| *hears)).await;
    }

    // From here on: what the task does.

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Ends when somebody began to wait since this was last awaited.
    pub(super) async fn when_somebody_waits(&self) {
        self.waiting.notified().await;
    }

    /// Looks at the board, or writes on it; then wakes whom that has given a hint.
    pub(super) fn with_board<T>(&self, act: impl FnOnce(&mut Board) -> T) -> T {
        let mut state = whole(&self.state);
        let done = act(&mut state.board);
        let woken = state.board.take_woken();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        done
    }

    /// Passes on a message of the channel.
    pub(super) fn cancelled(&self, id: &[u8]) {
        match std::str::from_utf8(id).ok().and_then(|id| TaskId::new(id).ok()) {
            // Nobody may listen: then it is about nobody's task.
            Some(id) => drop(self.cancelled.send(Cancellation { id, queue: None })),
            None => tracing::debug!(bytes = id.len(), "ignored a cancellation of what is no task id"),
        }
    }

    /// Cancellations are heard from now on.
    pub(super) fn hears(&self) {
        self.hears.send_replace(true);
    }

    /// The connection is lost: nothing is heard, and nothing is known any more.
    pub(super) fn is_deaf(&self) {
        self.hears.send_replace(false);
        self.with_board(Board::forget);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("link", &self.link).finish_non_exhaustive()
    }
}
