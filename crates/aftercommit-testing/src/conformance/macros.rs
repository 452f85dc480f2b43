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

/// Runs the whole conformance suite on a back-end: `conformance!(name, factory)` makes a module `name`
/// with one test for each case. The factory is called as `factory().await` and returns a
/// [`Fixture`](crate::conformance::Fixture). See [`mod@crate::conformance`] for an example.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $factory:expr) => {
        mod $name {
            async fn fixture() -> $crate::conformance::Fixture {
                use super::*;
                ($factory)().await
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
            mod pause {
                $crate::conformance_of_pause!();
            }
            mod presence {
                $crate::conformance_of_presence!();
            }
            mod wakes {
                $crate::conformance_of_wakes!();
            }
            mod concurrency {
                $crate::conformance_of_concurrency!();
            }
            mod handles {
                $crate::conformance_of_handles!();
            }
            mod lost_answers {
                $crate::conformance_of_lost_answers!();
            }
            mod model {
                $crate::conformance_of_model!();
            }
        }
    };
}
