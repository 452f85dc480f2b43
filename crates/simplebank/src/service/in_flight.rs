//! Requests with the same idempotency key take turns: a second one waits for the first instead of doing
//! the dear part of the work beside it, only to find at the end that it was done already.

use super::ServiceError;
use crate::store::idempotency::Scope;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// How long a request waits for an earlier one with the same key.
const PATIENCE: Duration = Duration::from_secs(1);

/// The keys that requests of this process work with at present. Other processes are kept apart by the
/// unique key in the database. Holds no more entries than there are requests.
#[derive(Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Scope, Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Requests that wait for the turn or have it.
    requests: usize,
}

/// The right to work with a key, until dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // Dropped in this order: first the next in line may go on, then the entry may be forgotten.
    _turn: OwnedMutexGuard<()>,
    _seat: Seat,
}

impl InFlight {
    /// Waits until no other request of this process works with this key, for [`PATIENCE`] at most.
    pub(super) async fn enter(&self, scope: &Scope) -> Result<Turn, ServiceError> {
        let (turn, seat) = self.sit_down(scope);
        match tokio::time::timeout(PATIENCE, turn.lock_owned()).await {
            Ok(turn) => Ok(Turn { _turn: turn, _seat: seat }),
            Err(_) => Err(ServiceError::IdempotencyKeyInFlight),
        }
    }

    fn sit_down(&self, scope: &Scope) -> (Arc<tokio::sync::Mutex<()>>, Seat) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(scope.clone()).or_default();
        entry.requests += 1;
        (Arc::clone(&entry.turn), Seat { scope: scope.clone(), entries: Arc::clone(&self.0) })
    }
}

/// Counts a request in its entry, and forgets the entry with the last one: also when the request is
/// given up while it waits.
#[derive(Debug)]
struct Seat {
    scope: Scope,
    entries: Arc<Mutex<HashMap<Scope, Entry>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&self.scope) {
            entry.requests -= 1;
            if entry.requests == 0 {
                entries.remove(&self.scope);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::idempotency::IdempotencyKey;

    fn scope(key: &str) -> Scope {
        Scope { caller: "alice".into(), method: "CreateUser", key: IdempotencyKey::parse(key).unwrap() }
    }

    fn entries(in_flight: &InFlight) -> usize {
        in_flight.0.lock().unwrap().len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_request_goes_on_when_the_first_is_done() {
        let in_flight = InFlight::default();
        let first = in_flight.enter(&scope("k")).await.unwrap();
        let second_scope = scope("k");
        let mut second = Box::pin(in_flight.enter(&second_scope));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_request_gives_up_after_a_second() {
        let in_flight = InFlight::default();
        let _first = in_flight.enter(&scope("k")).await.unwrap();
        let begun = tokio::time::Instant::now();
        let error = in_flight.enter(&scope("k")).await.unwrap_err();
        assert!(matches!(error, ServiceError::IdempotencyKeyInFlight), "{error}");
        let waited = begun.elapsed();
        assert!(waited >= PATIENCE && waited < PATIENCE + Duration::from_millis(10), "{waited:?}");
    }

    #[tokio::test]
    async fn other_keys_callers_and_methods_do_not_wait() {
        let in_flight = InFlight::default();
        let _first = in_flight.enter(&scope("k")).await.unwrap();
        let others = [
            scope("other"),
            Scope { caller: "bob".into(), ..scope("k") },
            Scope { method: "CreateTransfer", ..scope("k") },
        ];
        for other in others {
            assert!(in_flight.enter(&other).await.is_ok(), "{other:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_remembered_of_requests_that_are_over() {
        let in_flight = InFlight::default();
        let first = in_flight.enter(&scope("k")).await.unwrap();
        let waiting_scope = scope("k");
        let mut given_up = Box::pin(in_flight.enter(&waiting_scope));
        assert!(futures_util::poll!(given_up.as_mut()).is_pending());
        drop(first);
        drop(given_up);
        assert_eq!(entries(&in_flight), 0);

        let _first = in_flight.enter(&scope("k")).await.unwrap();
        assert!(in_flight.enter(&scope("k")).await.is_err());
        assert_eq!(entries(&in_flight), 1);
    }
}
