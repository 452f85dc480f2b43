//! How a list of cases becomes a list of tests in another crate.

/// Makes the cases of an area known: `$tests` is the macro that writes a `#[test]` for each of them.
/// A case that is not in the list is dead code, so the compiler finds it.
macro_rules! area {
    ($tests:ident, $area:ident: $($case:ident),+ $(,)?) => {
        /// The names of the cases.
        pub const NAMES: &[&str] = &[$(stringify!($case)),+];

        #[doc(hidden)]
        pub mod cases {
            $(pub fn $case(stage: $crate::conformance::Stage) -> $crate::conformance::CaseFuture {
                Box::pin(super::$case(stage))
            })+
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $tests {
            () => {
                $(#[test]
                fn $case() {
                    $crate::conformance::run(super::fixture, $crate::conformance::$area::cases::$case);
                })+
            };
        }
    };
}

/// Runs the whole conformance suite on a back-end: `conformance!(name, factory, has: [..], lacks: [..])` makes
/// a module `name` with one test for each case. The factory is called as `factory().await` and returns a
/// [`Fixture`](crate::conformance::Fixture).
///
/// Every ability stands in one of the two lists: `presence`, `groups`, `publisher`, `schedules`, as
/// [`Ability`](crate::Ability) names them, and `handles`, if the fixture says how to
/// [`reopen`](crate::conformance::Fixture::reopen) the store. The cases about what a back-end lacks are replaced
/// by one that sees that it lacks it, so that nothing is lost unnoticed. See [`mod@crate::conformance`] for an
/// example.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $factory:expr, has: [$($has:ident),* $(,)?], lacks: [$($lacks:ident),* $(,)?] $(,)?) => {
        mod $name {
            async fn fixture() -> $crate::conformance::Fixture {
                use super::*;
                ($factory)().await
            }

            mod abilities {
                #[test]
                fn every_ability_is_declared_as_it_is() {
                    let (has, lacks) = (&[$(stringify!($has)),*], &[$(stringify!($lacks)),*]);
                    $crate::conformance::declares(super::fixture, has, lacks);
                }
            }
            mod enqueue {
                $crate::conformance_of_enqueue!();
            }
            mod unique {
                $crate::conformance_of_unique!();
            }
            mod dequeue {
                $crate::conformance_of_dequeue!();
            }
            mod weights {
                $crate::conformance_of_weights!();
            }
            mod lease {
                $crate::conformance_of_lease!();
            }
            mod settle {
                $crate::conformance_of_settle!();
            }
            mod fencing {
                $crate::conformance_of_fencing!();
            }
            mod retry_rules {
                $crate::conformance_of_retry_rules!();
            }
            mod forward {
                $crate::conformance_of_forward!();
            }
            mod orphans {
                $crate::conformance_of_orphans!();
            }
            mod retention {
                $crate::conformance_of_retention!();
            }
            mod inspect {
                $crate::conformance_of_inspect!();
            }
            mod list {
                $crate::conformance_of_list!();
            }
            mod operate {
                $crate::conformance_of_operate!();
            }
            mod operate_all {
                $crate::conformance_of_operate_all!();
            }
            mod update_payload {
                $crate::conformance_of_update_payload!();
            }
            mod remove_queue {
                $crate::conformance_of_remove_queue!();
            }
            mod trim_archive {
                $crate::conformance_of_trim_archive!();
            }
            mod pause {
                $crate::conformance_of_pause!();
            }
            mod wakes {
                $crate::conformance_of_wakes!();
            }
            mod concurrency {
                $crate::conformance_of_concurrency!();
            }
            mod lost_answers {
                $crate::conformance_of_lost_answers!();
            }
            mod model {
                $crate::conformance_of_model!();
            }
            $($crate::conformance_with!($has);)*
            $($crate::conformance_without!($lacks);)*
        }
    };
}

/// The areas about one ability.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_with {
    (presence) => {
        mod presence {
            $crate::conformance_of_presence!();
        }
        mod dead_workers {
            $crate::conformance_of_dead_workers!();
        }
    };
    (groups) => {
        mod groups {
            $crate::conformance_of_groups!();
        }
        mod ripe {
            $crate::conformance_of_ripe!();
        }
        mod gather {
            $crate::conformance_of_gather!();
        }
        mod aggregate {
            $crate::conformance_of_aggregate!();
        }
        mod put_back {
            $crate::conformance_of_put_back!();
        }
        mod group_tasks {
            $crate::conformance_of_group_tasks!();
        }
        mod groups_lost_answers {
            $crate::conformance_of_groups_lost_answers!();
        }
    };
    (publisher) => {
        mod publish {
            $crate::conformance_of_publish!();
        }
        mod markers {
            $crate::conformance_of_markers!();
        }
    };
    (schedules) => {
        mod schedules {
            $crate::conformance_of_schedules!();
        }
    };
    (handles) => {
        mod handles {
            $crate::conformance_of_handles!();
        }
        mod handles_of_abilities {
            $crate::conformance_of_handles_of_abilities!();
        }
    };
}

/// In place of the areas about an ability.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_without {
    ($ability:ident) => {
        mod $ability {
            #[test]
            fn skipped_because_the_back_end_lacks_it() {
                $crate::conformance::lacks(super::fixture, stringify!($ability));
            }
        }
    };
}
