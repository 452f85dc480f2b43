//! What a back-end declares about its abilities is checked: none is lost, none is forgotten, none is skipped
//! though it is there.

use std::future::Future;
use std::sync::Arc;

use aftercommit_testing::conformance::{Fixture, declares, lacks};
use aftercommit_testing::{Ability, ManualClock, MemoryBackend};

const ALL: &[&str] = &["presence", "groups", "publisher", "schedules"];

/// A memory broker that lacks some abilities.
fn without(lacking: &'static [Ability]) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Fixture>>> {
    move || {
        let clock = ManualClock::new();
        let whole = MemoryBackend::new(Arc::new(clock.clone()));
        let backend = lacking.iter().fold(whole, |backend, ability| backend.without(*ability));
        Box::pin(std::future::ready(Fixture::new(Arc::new(backend), clock)))
    }
}

#[test]
#[should_panic(expected = "the back-end lacks groups")]
fn a_lost_ability_is_found() {
    declares(without(&[Ability::Groups]), ALL, &["handles"]);
}

#[test]
#[should_panic(expected = "the back-end has schedules")]
fn a_forgotten_ability_is_found() {
    declares(without(&[]), &["presence", "groups", "publisher"], &["handles"]);
}

#[test]
#[should_panic(expected = "the back-end lacks handles")]
fn an_ability_of_the_fixture_is_declared_too() {
    declares(without(&[]), ALL, &[]);
}

#[test]
#[should_panic(expected = "the back-end has publisher")]
fn an_ability_declared_twice_is_found() {
    declares(without(&[]), ALL, &["publisher", "handles"]);
}

#[test]
#[should_panic(expected = "the back-end has groups, and its cases are skipped")]
fn an_ability_that_is_there_is_not_skipped() {
    lacks(without(&[]), "groups");
}
