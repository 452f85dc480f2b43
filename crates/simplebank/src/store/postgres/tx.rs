//! A transaction that may write.

use super::fault;
use super::link::answer;
use super::open::Way;
use crate::store::{Conn, Fault, Place, StoreError};
use aftercommit::postgres::{PostgresOutbox, PostgresQueue};
use sqlx::{PgConnection, Postgres, Transaction};
use std::ops::{Deref, DerefMut};

/// A transaction that may write. Derefs to its connection. If a task was enqueued in it, its commit wakes the workers or
/// the relays.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    way: Way,
    place: Place,
    wakes: WakeOnDrop,
}

/// Who has something to do once the transaction has committed.
#[derive(Debug)]
pub(in crate::store) enum Sleeper {
    /// The workers.
    Queue(PostgresQueue),
    /// The relays.
    Outbox(PostgresOutbox),
}

/// Wakes when it is dropped: the commit of a caller who goes away meanwhile may still happen.
#[derive(Debug, Default)]
struct WakeOnDrop(Option<Sleeper>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        match &self.0 {
            Some(Sleeper::Queue(queue)) => queue.wake(),
            Some(Sleeper::Outbox(outbox)) => outbox.wake(),
            None => {}
        }
    }
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Postgres>, way: Way, place: Place) -> Self {
        Self { inner, way, place, wakes: WakeOnDrop::default() }
    }

    /// Notes who is to be woken by the commit. A process has its tasks in one place, so there is one.
    pub(in crate::store) fn wakes(&mut self, sleeper: Sleeper) {
        self.wakes.0 = Some(sleeper);
    }

    /// An error may leave open whether the commit happened: [`Fault::CommitUnknown`].
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        let _wakes = self.wakes;
        let answer = answer(&self.place, self.way.patience(), self.inner.commit()).await;
        answer.map_err(|error| match fault::leaves_commit_open(error.fault()) {
            true => StoreError::caused(&self.place, Fault::CommitUnknown, error),
            false => error,
        })
    }

    pub(in crate::store) async fn rollback(mut self) -> Result<(), StoreError> {
        self.wakes.0 = None;
        answer(&self.place, self.way.patience(), self.inner.rollback()).await
    }

    pub(in crate::store) fn conn(&mut self) -> Conn<'_> {
        Conn::Postgres(self.way.link(&mut self.inner), &self.place)
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
