//! What a back-end says it can do, and whether it can.

use std::future::Future;

use aftercommit_core::{Backend, Error};

use super::task::{TaskExt, id, queue, task};
use super::{Fixture, run};
use crate::Ability;

/// The ability of a fixture, not of a back-end: that the store can be opened again.
const HANDLES: &str = "handles";

/// Sees that a back-end has what it declares, lacks what it declares to lack, and declares everything; used by
/// [`conformance!`](crate::conformance!).
///
/// # Panics
/// If that is not so.
pub fn declares<F: Future<Output = Fixture>>(
    fixture: impl FnOnce() -> F,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
) {
    run(fixture, move |stage| {
        Box::pin(async move {
            let abilities: Vec<&str> =
                Ability::ALL.map(Ability::as_str).into_iter().chain([HANDLES]).collect();
            for ability in abilities {
                let declared = [has, lacks].map(|list| list.iter().filter(|name| **name == ability).count());
                let offered = offers(&stage.fixture, ability);
                let wanted = if offered { [1, 0] } else { [0, 1] };
                let is = if offered { "has" } else { "lacks" };
                assert_eq!(
                    declared, wanted,
                    "the back-end {is} {ability}; it is declared [has, lacks] times"
                );
            }
        })
    });
}

/// Sees that a back-end lacks an ability, and says so where it is asked for it; used by
/// [`conformance!`](crate::conformance!) in place of the cases about the ability.
///
/// # Panics
/// If that is not so.
pub fn lacks<F: Future<Output = Fixture>>(fixture: impl FnOnce() -> F, ability: &'static str) {
    run(fixture, move |stage| {
        Box::pin(async move {
            assert!(
                !offers(&stage.fixture, ability),
                "the back-end has {ability}, and its cases are skipped"
            );
            if ability == Ability::Groups.as_str() {
                refuses_tasks_of_groups(stage.backend()).await;
            }
        })
    });
}

fn offers(fixture: &Fixture, ability: &str) -> bool {
    match Ability::ALL.into_iter().find(|known| known.as_str() == ability) {
        Some(ability) => ability.is_of(&*fixture.backend),
        None => ability == HANDLES && fixture.reopen.is_some(),
    }
}

/// A task of a group would wait for ever where nobody collects groups.
async fn refuses_tasks_of_groups(backend: &dyn Backend) {
    let batch = [task("q", "plain"), task("q", "grouped").of("g")];
    let names_the_group = |error| match error {
        Error::Invalid { what, .. } => what == "group",
        _ => false,
    };
    let refused = backend.enqueue(&batch).await.expect_err("a task of a group is refused");
    assert!(names_the_group(refused));
    assert_eq!(backend.get(&queue("q"), &id("plain")).await.expect("get"), None, "nothing is stored");
    if let Some(publisher) = backend.publisher() {
        let refused = publisher.publish(&batch).await.expect_err("a task of a group is refused");
        assert!(names_the_group(refused));
        assert_eq!(backend.get(&queue("q"), &id("plain")).await.expect("get"), None, "nothing is stored");
    }
}
