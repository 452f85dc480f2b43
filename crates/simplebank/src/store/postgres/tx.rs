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

/// Wakes when it is dropped: the commit of a caller who goes away meanwhile may still happen.
#[derive(Debug, Default)]
struct WakeOnDrop(Option<Waked>);

/// Where there will be tasks.
#[derive(Debug)]
pub(in crate::store) enum Waked {
    Queue(PostgresQueue),
    Outbox(PostgresOutbox),
}

impl From<&PostgresQueue> for Waked {
    fn from(queue: &PostgresQueue) -> Self {
        Self::Queue(queue.clone())
    }
}

impl From<&PostgresOutbox> for Waked {
    fn from(outbox: &PostgresOutbox) -> Self {
        Self::Outbox(outbox.clone())
    }
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        match &self.0 {
            Some(Waked::Queue(queue)) => queue.wake(),
            Some(Waked::Outbox(outbox)) => outbox.wake(),
            None => {}
        }
    }
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Postgres>, way: Way, place: Place) -> Self {
        Self { inner, way, place, wakes: WakeOnDrop::default() }
    }

    /// Notes that there will be tasks in this queue, or outbox. A bank has its tasks in one of them.
    pub(in crate::store) fn wakes<'a, T>(&mut self, place: &'a T)
    where
        Waked: From<&'a T>,
    {
        self.wakes.0.get_or_insert_with(|| place.into());
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
