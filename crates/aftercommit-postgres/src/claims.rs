//! Claims: what one call took. The process that makes a call names its claim beforehand, so that it can give back what an
//! answer that was lost on its way had given it; else those tasks would wait for the end of their leases.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::Result;
use aftercommit_core::stored::millis;

use crate::conn::Conn;
use crate::error::failed;
use crate::news::Topic;
use crate::{PostgresQueue, sql};

const DOING: &str = "give back the tasks of an answer that was lost";

/// When a claim is looked at for the first time: most are over by then, and forgotten.
pub(crate) const LOOK_FIRST: Duration = Duration::from_secs(2);
/// When a claim of which tasks are left is looked at again, unless one of their leases ends earlier.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How many claims are looked at in turn.
pub(crate) const LOOKS_MAX: i64 = 50_000;
/// For how long a claim that was made void is refused, should its call reach the database after all.
const STAYS_VOID: Duration = Duration::from_secs(600);
/// How many claims without an answer are remembered; the tasks of older ones wait for the end of their leases.
const MAX_UNANSWERED: usize = 256;

/// The claims of a process.
#[derive(Debug)]
pub(crate) struct Claims {
    next: AtomicI64,
    /// Claims whose calls ended without an answer, oldest first.
    unanswered: Mutex<Vec<i64>>,
}

impl Default for Claims {
    /// Its keys begin somewhere, and so do not meet those of other processes.
    fn default() -> Self {
        Self { next: AtomicI64::new(rand::random()), unanswered: Mutex::default() }
    }
}

impl Claims {
    /// A claim for one call.
    pub(crate) fn open(&self) -> Claim<'_> {
        Claim { key: self.next.fetch_add(1, Ordering::Relaxed), of: self, is_answered: false }
    }

    fn unanswered(&self) -> Vec<i64> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, key: i64) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if unanswered.len() == MAX_UNANSWERED {
            unanswered.remove(0);
        }
        unanswered.push(key);
    }

    fn forget(&self, keys: &[i64]) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.retain(|key| !keys.contains(key));
    }
}

/// A claim that a call makes. One that is dropped before its answer came is remembered.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    key: i64,
    of: &'a Claims,
    is_answered: bool,
}

impl Claim<'_> {
    pub(crate) const fn key(&self) -> i64 {
        self.key
    }

    /// The answer came: what was taken is known.
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.of.remember(self.key);
        }
    }
}

/// Gives back what calls took whose answers did not come, if there are any.
pub(crate) async fn give_back(queue: &PostgresQueue, conn: &mut Conn) -> Result<()> {
    let keys = queue.claims.unanswered();
    if keys.is_empty() {
        return Ok(());
    }
    let moment = queue.store.moment();
    // Waits for those that are still under way; only a statement that begins later sees what they did.
    let void = sqlx::query(sql::VOID_CLAIMS).bind(&keys).bind(moment).bind(millis(STAYS_VOID));
    conn.execute(void).await.map_err(failed(DOING))?;
    let give_back = sqlx::query(sql::RETURN_CLAIMS).bind(&keys).bind(moment);
    let returned = conn.execute(give_back).await.map_err(failed(DOING))?.rows_affected();
    queue.claims.forget(&keys);
    if returned > 0 {
        tracing::info!(
            returned,
            "tasks went back to their queues: the answer that gave them to this process was lost"
        );
        queue.store.news.announce(Topic::Pending);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_without_an_answer_are_remembered_until_they_were_given_back() {
        let claims = Claims::default();
        claims.open().answered();
        assert!(claims.unanswered().is_empty());
        let keys = [claims.open(), claims.open()].map(|claim| claim.key());
        assert_eq!(claims.unanswered(), keys);
        claims.forget(&keys[..1]);
        assert_eq!(claims.unanswered(), keys[1..]);
    }

    #[test]
    fn too_many_claims_without_an_answer_push_out_the_oldest() {
        let claims = Claims::default();
        let first = claims.open().key();
        (0..MAX_UNANSWERED).for_each(|_| drop(claims.open()));
        let left = claims.unanswered();
        assert_eq!((left.len(), left[0]), (MAX_UNANSWERED, first.wrapping_add(1)));
    }
}
