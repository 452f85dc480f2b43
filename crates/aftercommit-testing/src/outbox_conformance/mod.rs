//! The conformance suite of outboxes: what every one does, one small case at a time.
//!
//! The author of an outbox runs all of it with one call in a test file. The factory is called once for each case and
//! returns an [`OutboxFixture`]: an empty outbox, the [`ManualClock`](crate::ManualClock) it was built with, how the host
//! commits tasks, and how another process opens the same outbox.
//!
//! ```
//! use std::sync::Arc;
//! use aftercommit_testing::outbox_conformance::OutboxFixture;
//! use aftercommit_testing::{ManualClock, MemoryOutbox};
//!
//! async fn memory() -> OutboxFixture {
//!     let clock = ManualClock::new();
//!     let outbox = Arc::new(MemoryOutbox::new(Arc::new(clock.clone())));
//!     let another = Arc::clone(&outbox);
//!     OutboxFixture::new(outbox.clone(), clock)
//!         .commit(move |tasks| Box::pin(std::future::ready(outbox.commit(tasks))))
//!         .reopen(move || Box::pin(std::future::ready(another.clone() as _)))
//! }
//!
//! aftercommit_testing::outbox_conformance!(outbox, memory);
//! # fn main() {}
//! ```

#[macro_use]
mod macros;

mod fixture;
mod stage;

pub mod claims;
pub mod fates;
pub mod kept;
pub mod losses;
pub mod operators;
pub mod tasks;
pub mod wakes;

use std::future::Future;

pub use fixture::OutboxFixture;
pub use stage::OutboxStage;

use crate::conformance::{CASE_LIMIT, CaseFuture};

/// Runs one case on a fresh fixture, on a runtime of its own; used by
/// [`outbox_conformance!`](crate::outbox_conformance!).
///
/// # Panics
/// If the case does not hold, or does not end within [`CASE_LIMIT`].
pub fn run<F: Future<Output = OutboxFixture>>(
    fixture: impl FnOnce() -> F,
    case: impl FnOnce(OutboxStage) -> CaseFuture,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test process may start two threads");
    runtime.block_on(async {
        let stage = OutboxStage::new(fixture().await);
        let ended = tokio::time::timeout(CASE_LIMIT, case(stage)).await;
        assert!(ended.is_ok(), "the case did not end within {CASE_LIMIT:?}");
    });
}
