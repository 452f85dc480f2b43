//! Doing a transaction once more, as a whole, when others were in its way.
//!
//! A database that lets many write at once ends one of two transactions that wait for each other. Nothing of it is left
//! then, and a moment later the way is free.

use super::ServiceError;
use std::time::Duration;
use tokio::time::sleep;

/// How often a transaction is tried.
const ATTEMPTS_MAX: u32 = 5;

/// The pause before the second attempt, at most; it doubles each time. Never less than half of it: whoever the way was
/// cleared for has to be woken first, or we are in it again. Partly drawn by chance, so that those who collided do not
/// come back together.
const PAUSE: Duration = Duration::from_millis(50);

/// Does it until nobody is in the way, or until that has happened too often. `attempt` is everything from the begin of
/// the transaction to its commit, and nothing that must not be done twice.
pub(super) async fn until_it_goes_through<T, F: Future<Output = Result<T, ServiceError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, ServiceError> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS_MAX {
        match attempt().await {
            Err(error) if error.is_conflict() => {
                tracing::debug!(error = &error as &dyn std::error::Error, "transaction is tried again");
            }
            ended => return ended,
        }
        sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
        pause *= 2;
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, Place, StoreError};
    use std::cell::Cell;
    use std::future::ready;

    async fn attempts_with(outcome: impl Fn(u32) -> Result<(), ServiceError>) -> (u32, bool) {
        let attempts = Cell::new(0);
        let ended = until_it_goes_through(|| {
            attempts.set(attempts.get() + 1);
            ready(outcome(attempts.get()))
        });
        let is_well = ended.await.is_ok();
        (attempts.get(), is_well)
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_through_is_done_once() {
        assert_eq!(attempts_with(|_| Ok(())).await, (1, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_tried_again_and_not_without_end() {
        let place = Place::file("bank.db".as_ref());
        let conflict = || ServiceError::store("test")(StoreError::new(&place, Fault::Conflict));
        let in_the_way = || Err(conflict());
        assert_eq!(attempts_with(|nth| if nth < 3 { in_the_way() } else { Ok(()) }).await, (3, true));
        assert_eq!(attempts_with(|_| in_the_way()).await, (ATTEMPTS_MAX, false));
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_failure_is_final() {
        assert_eq!(attempts_with(|_| Err(ServiceError::VerificationCode)).await, (1, false));
    }
}
