//! The conformance suite: what every back-end does, one small case at a time.
//!
//! A back-end runs all of it with one call in a test file. The factory is called once for each case
//! and returns a [`Fixture`]: an empty back-end, the [`ManualClock`](crate::ManualClock) it was built
//! with, and whatever must stay alive meanwhile.
//!
//! ```
//! use std::sync::Arc;
//! use aftercommit_testing::conformance::Fixture;
//! use aftercommit_testing::{ManualClock, MemoryBackend};
//!
//! async fn memory() -> Fixture {
//!     let clock = ManualClock::new();
//!     Fixture::new(Arc::new(MemoryBackend::new(Arc::new(clock.clone()))), clock)
//! }
//!
//! aftercommit_testing::conformance!(
//!     conformance,
//!     memory,
//!     has: [presence, groups, publisher, schedules],
//!     lacks: [handles],
//! );
//! # fn main() {}
//! ```
//!
//! Each case is a test of its own, `conformance::<area>::<sentence>`. Nothing here assumes a store. What a
//! back-end lacks is declared, checked, and shown as a case `conformance::<ability>::skipped_..`.
//!
//! Time is turned by hand, and the suite turns it in one place. A store that ends some lives by its own clock
//! (a server with a time to live for its keys) is told by a hook how much time has passed:
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use aftercommit_testing::conformance::Fixture;
//! # use aftercommit_testing::{ManualClock, MemoryBackend};
//! # struct Server(ManualClock);
//! # impl Server {
//! #     /// Shortens the time to live of every key; deletes those that have less.
//! #     async fn age(&self, by: Duration) { self.0.advance(by) }
//! # }
//! async fn on_a_server() -> Fixture {
//!     let clock = ManualClock::new();
//!     # let own = ManualClock::new();
//!     # let server = Arc::new(Server(own.clone()));
//!     # let connect = |clock: ManualClock| MemoryBackend::new(Arc::new(clock)).with_own_clock(Arc::new(own));
//!     let backend = connect(clock.clone());
//!     Fixture::new(Arc::new(backend), clock).on_pass(move |duration| {
//!         let server = Arc::clone(&server);
//!         Box::pin(async move { server.age(duration).await })
//!     })
//! }
//! # aftercommit_testing::conformance!(
//! #     conformance,
//! #     on_a_server,
//! #     has: [presence, groups, publisher, schedules],
//! #     lacks: [handles],
//! # );
//! # fn main() {}
//! ```

#[macro_use]
mod macros;

mod abilities;
mod fixture;
mod group_steps;
mod stage;
mod task;

pub mod aggregate;
pub mod concurrency;
pub mod dead_workers;
pub mod dequeue;
pub mod enqueue;
pub mod fencing;
pub mod forward;
pub mod gather;
pub mod group_tasks;
pub mod groups;
pub mod groups_lost_answers;
pub mod handles;
pub mod handles_of_abilities;
pub mod inspect;
pub mod lease;
pub mod list;
pub mod lost_answers;
pub mod markers;
pub mod model;
pub mod operate;
pub mod operate_all;
pub mod orphans;
pub mod pause;
pub mod presence;
pub mod publish;
pub mod put_back;
pub mod remove_queue;
pub mod retention;
pub mod retry_rules;
pub mod ripe;
pub mod schedules;
pub mod settle;
pub mod trim_archive;
pub mod unique;
pub mod update_payload;
pub mod wakes;
pub mod weights;

pub use abilities::{declares, lacks};
pub use fixture::{Fixture, MARGIN};
pub use stage::Stage;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// No case takes longer than this by the machine's clock; one that does has hung.
pub const CASE_LIMIT: Duration = Duration::from_secs(60);

/// A case under way.
pub type CaseFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Every case, as area and name.
pub fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let areas = [
        ("enqueue", enqueue::NAMES),
        ("unique", unique::NAMES),
        ("dequeue", dequeue::NAMES),
        ("weights", weights::NAMES),
        ("lease", lease::NAMES),
        ("settle", settle::NAMES),
        ("fencing", fencing::NAMES),
        ("retry_rules", retry_rules::NAMES),
        ("forward", forward::NAMES),
        ("orphans", orphans::NAMES),
        ("retention", retention::NAMES),
        ("inspect", inspect::NAMES),
        ("list", list::NAMES),
        ("operate", operate::NAMES),
        ("operate_all", operate_all::NAMES),
        ("update_payload", update_payload::NAMES),
        ("remove_queue", remove_queue::NAMES),
        ("trim_archive", trim_archive::NAMES),
        ("pause", pause::NAMES),
        ("wakes", wakes::NAMES),
        ("concurrency", concurrency::NAMES),
        ("lost_answers", lost_answers::NAMES),
        ("model", model::NAMES),
        ("presence", presence::NAMES),
        ("dead_workers", dead_workers::NAMES),
        ("groups", groups::NAMES),
        ("ripe", ripe::NAMES),
        ("gather", gather::NAMES),
        ("aggregate", aggregate::NAMES),
        ("put_back", put_back::NAMES),
        ("group_tasks", group_tasks::NAMES),
        ("groups_lost_answers", groups_lost_answers::NAMES),
        ("publish", publish::NAMES),
        ("markers", markers::NAMES),
        ("schedules", schedules::NAMES),
        ("handles", handles::NAMES),
        ("handles_of_abilities", handles_of_abilities::NAMES),
    ];
    areas.into_iter().flat_map(|(area, names)| names.iter().map(move |name| (area, *name)))
}

/// Runs one case on a fresh fixture, on a runtime of its own; used by [`conformance!`](crate::conformance!).
///
/// # Panics
/// If the case does not hold, or does not end within [`CASE_LIMIT`].
pub fn run<F: Future<Output = Fixture>>(fixture: impl FnOnce() -> F, case: impl FnOnce(Stage) -> CaseFuture) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test process may start two threads");
    runtime.block_on(async {
        let stage = Stage::new(fixture().await);
        let ended = tokio::time::timeout(CASE_LIMIT, case(stage)).await;
        assert!(ended.is_ok(), "the case did not end within {CASE_LIMIT:?}");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of areas stands twice, in `cases` and in `conformance!`: neither may miss one.
    #[test]
    fn every_area_is_played_and_listed() {
        let played: Vec<&str> = include_str!("macros.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("$crate::conformance_of_")?.strip_suffix("!();"))
            .collect();
        let mut listed: Vec<&str> = cases().map(|(area, _)| area).collect();
        listed.dedup();
        assert_eq!(played, listed);
    }

    #[test]
    fn every_case_has_a_name_of_its_own_in_its_area() {
        let mut names: Vec<_> = cases().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count > 420, "{count} cases");
    }
}
