//! The steps of a run, in order: cheap ones first, so that a slip shows within seconds.

use super::command::Command;
use super::packages::{self, Suite};
use super::plan;
use super::programs::{self, Program};
use super::tools::{self, Tool};
use crate::finding::Verdict;
use crate::workspace::Workspace;
use crate::{floors, tidy};

/// One step of a run.
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    /// What must be there for all of it to run.
    pub(crate) needs: &'static [Need],
    /// How it runs.
    pub(crate) action: Action,
    /// Whether the steps after it still make sense when it fails.
    pub(crate) on_failure: OnFailure,
}

/// Something that a step needs besides a Rust toolchain and a C compiler.
pub(crate) enum Need {
    /// A suite inside the step needs a package of the system. Without it that suite is skipped, and the rest runs.
    Suite(&'static Suite),
    /// The step is this suite. Without its package the step is skipped.
    Whole(&'static Suite),
    /// The step is done by this tool. Without it the step is skipped.
    Tool(&'static Tool),
    /// The step needs this program, which is not ours to install. Without it the step is skipped.
    Program(&'static Program),
}

/// How a step runs.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// A check of our own, within this process.
    Check(fn(&Workspace) -> anyhow::Result<Verdict>),
    /// Commands, all of which are run, whether or not one before them fails.
    Commands(fn(&Workspace) -> Vec<Command>),
}

/// What the failure of a step means for the ones after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    Continue,
    /// What does not compile would only fail again, at length.
    Stop,
}

/// Every step. Those after `build` reuse what it compiled as far as cargo allows: `tests` compiles nothing, `gated`
/// only the crates whose feature it switches on, and of `redis`, `postgres` and `stores` the first does so for all;
/// `clippy`, `alone` and `docs` share the metadata of dependencies.
pub(crate) const STEPS: &[Step] = &[
    step("fmt", "formatting", Action::Commands(plan::fmt)),
    step("floors", "dependencies point down only", Action::Check(floors::run)),
    step("tidy", "house style", Action::Check(tidy::run)),
    Step {
        on_failure: OnFailure::Stop,
        ..step("build", "compile everything, tests included", Action::Commands(plan::build))
    },
    step("clippy", "lints, with every feature", Action::Commands(plan::clippy)),
    Step {
        needs: &[Need::Suite(&packages::SMTP)],
        ..step("tests", "unit, conformance, integration and doc tests", Action::Commands(plan::tests))
    },
    step("gated", "tests that need a feature switched on", Action::Commands(plan::gated_tests)),
    Step {
        needs: &[Need::Whole(&packages::REDIS)],
        ..step("redis", "tests against a real redis-server", Action::Commands(plan::redis_tests))
    },
    Step {
        needs: &[Need::Whole(&packages::POSTGRES)],
        ..step("postgres", "tests against a real Postgres", Action::Commands(plan::postgres_tests))
    },
    Step {
        needs: &[Need::Whole(&packages::REDIS), Need::Whole(&packages::POSTGRES)],
        ..step("stores", "tests against a Redis and a Postgres", Action::Commands(plan::stores_tests))
    },
    Step {
        needs: &[Need::Program(&programs::GO), Need::Program(&programs::REDIS_SERVER)],
        ..step("interop", "ours and the real asynq on one Redis", Action::Commands(plan::interop_tests))
    },
    step("alone", "each crate by itself, with each of its features", Action::Commands(plan::alone)),
    step("docs", "documentation, without a warning", Action::Commands(plan::docs)),
    Step {
        needs: &[Need::Tool(&tools::CARGO_DENY)],
        ..step(
            "deny",
            "licences, bans and sources of dependencies (no advisories: their database is not on crates.io)",
            Action::Commands(plan::deny),
        )
    },
];

const fn step(name: &'static str, about: &'static str, action: Action) -> Step {
    Step { name, about, needs: &[], action, on_failure: OnFailure::Continue }
}

/// The steps as a person reads them.
pub(crate) fn list() -> String {
    let lines = STEPS.iter().map(|step| {
        let needs: Vec<String> = step.needs.iter().map(Need::to_string).collect();
        let needs = if needs.is_empty() { String::new() } else { format!(" [needs {}]", needs.join(", ")) };
        format!("{:<10}{}{needs}", step.name, step.about)
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Suite(suite) | Self::Whole(suite) => {
                write!(f, "{} for the {} suite", suite.apt_names(), suite.name)
            }
            Self::Tool(tool) => f.write_str(tool.name),
            Self::Program(program) => f.write_str(program.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        let names: BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn the_list_says_what_a_step_needs() {
        let list = list();
        assert_eq!(list.lines().count(), STEPS.len());
        assert!(list.contains("[needs python3-aiosmtpd for the smtp suite]"), "{list}");
        assert!(list.contains("[needs redis-server for the redis suite]"), "{list}");
        assert!(list.contains("[needs postgresql pgbouncer for the postgres suite]"), "{list}");
        assert!(list.contains("[needs go, redis-server]"), "{list}");
    }
}
