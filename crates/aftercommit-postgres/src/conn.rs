//! A connection of the engine's, lent for a call.

use std::ops::{Deref, DerefMut};

use sqlx::PgConnection;

use crate::links::Place;
use crate::session::{Condition, Session};

/// A connection to run statements on. Dropped, it goes back; if it was in a transaction, that is rolled back.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Empty only while it is dropped.
    lent: Option<(Session<PgConnection>, Place)>,
}

impl Conn {
    pub(crate) const fn new(session: Session<PgConnection>, place: Place) -> Self {
        Self { lent: Some((session, place)) }
    }

    /// Makes what was done in the transaction durable. If the answer is lost, nobody knows whether it is.
    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        (*self).commit().await
    }

    /// Gives up what was done in the transaction, and with it the locks: a connection that is merely dropped does so some
    /// time later, and who asks meanwhile passes over the rows.
    pub(crate) async fn roll_back(mut self) -> sqlx::Result<()> {
        (*self).roll_back().await
    }
}

impl Deref for Conn {
    type Target = Session<PgConnection>;

    fn deref(&self) -> &Self::Target {
        &self.lent.as_ref().expect("it is there until it is dropped").0
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.lent.as_mut().expect("it is there until it is dropped").0
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        let Some((session, place)) = self.lent.take() else { return };
        let condition = session.condition();
        match (condition, tokio::runtime::Handle::try_current()) {
            (Condition::Idle, _) => place.give_back(session),
            (Condition::Unclear, Ok(runtime)) => drop(runtime.spawn(place.tidy(session))),
            // Nobody is there to bring it in order.
            (Condition::Unclear, Err(_)) | (Condition::Broken, _) => place.give_up(session),
        }
    }
}
