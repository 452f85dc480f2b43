//! `cargo xtask chaos`: builds the bank with its fail-points and runs it under a seeded plan of faults.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::ci::ABOUT_OURSELVES;
use crate::workspace::Workspace;

/// Kills, freezes and cuts off the real bank while people sign up, and audits what is left
#[derive(clap::Args)]
pub(crate) struct Args {
    /// --seed, --tasks, --faults, --fleet, --minutes, --json; `cargo xtask chaos --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    // As they are built for tests: the cheap hash costs nothing either way, and nothing here is measured.
    let mut build = Command::new("cargo");
    build.current_dir(workspace.root()).args([
        "build",
        "--package",
        "simplebank",
        "--package",
        "aftercommit-chaos",
    ]);
    build.args(["--features", "simplebank/failpoints"]);
    for name in ABOUT_OURSELVES {
        build.env_remove(name);
    }
    if !build.status().context("cannot start cargo")?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let debug = workspace.metadata.target_directory.join("debug");
    let mut chaos = Command::new(debug.join("aftercommit-chaos"));
    chaos.arg("--simplebank").arg(debug.join("simplebank")).args(&args.options);
    let ended = chaos.status().context("cannot start the chaos")?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
