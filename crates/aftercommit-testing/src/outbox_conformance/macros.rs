//! How a list of cases becomes a list of tests in another crate.

/// Makes the cases of an area known; see the macro of the same purpose for back-ends.
macro_rules! outbox_area {
    ($tests:ident, $area:ident: $($case:ident),+ $(,)?) => {
        #[doc(hidden)]
        pub mod cases {
            $(pub fn $case(
                stage: $crate::outbox_conformance::OutboxStage,
            ) -> $crate::conformance::CaseFuture {
                Box::pin(super::$case(stage))
            })+
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $tests {
            () => {
                $(#[test]
                fn $case() {
                    $crate::outbox_conformance::run(
                        super::fixture,
                        $crate::outbox_conformance::$area::cases::$case,
                    );
                })+
            };
        }
    };
}

/// Runs the whole suite on an outbox: `outbox_conformance!(name, factory)` makes a module `name` with one test for each
/// case. The factory is called as `factory().await`. See [`mod@crate::outbox_conformance`] for an example.
#[macro_export]
macro_rules! outbox_conformance {
    ($name:ident, $factory:expr $(,)?) => {
        mod $name {
            async fn fixture() -> $crate::outbox_conformance::OutboxFixture {
                use super::*;
                ($factory)().await
            }

            mod tasks {
                $crate::outbox_conformance_of_tasks!();
            }
            mod claims {
                $crate::outbox_conformance_of_claims!();
            }
            mod fates {
                $crate::outbox_conformance_of_fates!();
            }
            mod kept {
                $crate::outbox_conformance_of_kept!();
            }
            mod losses {
                $crate::outbox_conformance_of_losses!();
            }
            mod operators {
                $crate::outbox_conformance_of_operators!();
            }
            mod wakes {
                $crate::outbox_conformance_of_wakes!();
            }
        }
    };
}
