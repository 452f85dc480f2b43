//! `cargo xtask ci`: one command that sets up what it can and runs every check and every test.
//!
//! `steps` is the table of what runs. `packages` and `tools` know what some of it needs besides a Rust toolchain, and
//! `setup` sees to that, with `apt`; `programs` are those that it only looks for. `plan` turns the workspace's metadata into cargo commands, with `gated`; `command` runs one,
//! `bound` ends it in time, `tally` counts the tests in what it prints; `outcome` and `report` say at the end what came
//! out.

mod apt;
mod bound;
mod command;
mod gated;
mod outcome;
mod packages;
mod plan;
mod programs;
mod report;
mod setup;
mod steps;
mod tally;
mod tools;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::ArgAction;
use clap::builder::{BoolishValueParser, FalseyValueParser};

use crate::workspace::Workspace;
use bound::Deadline;
pub(crate) use command::ABOUT_OURSELVES;
use outcome::Outcome;
use report::Report;
use setup::{Consent, Setup};
use steps::{Action, OnFailure, STEPS, Step};

/// How long a whole run may take. What a step has not finished by then has failed.
const RUN_MAX: Duration = Duration::from_secs(60 * 60);

/// Arguments of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run this step alone
    #[arg(long, value_name = "STEP", conflicts_with = "list")]
    only: Option<String>,
    /// List the steps and run nothing
    #[arg(long)]
    list: bool,
    /// Whether what is missing may be installed (packages through apt, tools into `target/`)
    #[arg(
        long,
        env = "AFTERCOMMIT_INSTALL",
        default_value = "1",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
    )]
    install: bool,
    /// Whether a suite that is skipped fails the run
    #[arg(long = "skips-fail", env = "CI", value_parser = FalseyValueParser::new())]
    skips_fail: bool,
}

/// What a run thinks of suites that had to be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skips {
    /// They are named, and the run may still pass.
    Named,
    /// They fail the run: this is CI, where everything is to be had.
    Fail,
}

/// Runs the steps and prints what came out.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    if args.list {
        println!("{}", steps::list());
        return Ok(ExitCode::SUCCESS);
    }
    let steps = chosen(args.only.as_deref())?;
    let consent = if args.install { Consent::Given } else { Consent::Refused };
    let skips = if args.skips_fail { Skips::Fail } else { Skips::Named };

    let deadline = Deadline::after(RUN_MAX);
    let mut setup = Setup::new(workspace, consent, &deadline);
    let mut report = Report::new();
    report.add("setup", setup.provide_packages(&steps), deadline.elapsed());
    let mut stopped = false;
    for step in steps {
        let started = Instant::now();
        let outcome =
            if stopped { Outcome::not_run() } else { run_step(workspace, step, &mut setup, &deadline) };
        stopped |= outcome.failed() && step.on_failure == OnFailure::Stop;
        report.add(step.name, outcome, started.elapsed());
    }
    report.add_skips(setup.into_skips());
    println!("{}", report.text(skips));
    Ok(report.verdict(skips).exit_code())
}

fn chosen(only: Option<&str>) -> anyhow::Result<Vec<&'static Step>> {
    let Some(name) = only else { return Ok(STEPS.iter().collect()) };
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => Ok(vec![step]),
        None => bail!("there is no step {name}; `cargo xtask ci --list` shows them"),
    }
}

fn run_step(workspace: &Workspace, step: &Step, setup: &mut Setup<'_>, deadline: &Deadline) -> Outcome {
    println!("\n==> {}: {}", step.name, step.about);
    if let Err(skipped) = setup.prepare(step) {
        return skipped;
    }
    match step.action {
        Action::Check(check) => Outcome::of_check(check(workspace)),
        Action::Commands(plan) => {
            let mut outcome = Outcome::nothing_to_do();
            for command in plan(workspace) {
                outcome.absorb(command.run(workspace.root(), deadline));
            }
            outcome
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_refused_by_name() {
        let error = chosen(Some("nonsense")).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("no step nonsense") && error.contains("--list"), "{error}");
    }

    #[test]
    fn one_step_can_be_chosen() {
        let names: Vec<_> = chosen(Some("fmt")).unwrap().into_iter().map(|step| step.name).collect();
        assert_eq!(names, ["fmt"]);
    }
}
