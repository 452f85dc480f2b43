//! `cargo xtask bench`: builds what is measured in release mode and runs the benchmark crate.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

/// Measures ours beside the bare loop in one interleaved run
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// The queue and the bank on SQLite; appends to bench/results/
    Sqlite {
        /// Passed on to the benchmark; `cargo xtask bench sqlite -- --help` lists them
        #[arg(last = true)]
        options: Vec<String>,
    },
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let What::Sqlite { options } = &args.what;
    let built = Command::new("cargo")
        .current_dir(workspace.root())
        .args(["build", "--release", "--package", "simplebank", "--package", "aftercommit-bench"])
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        return Ok(ExitCode::FAILURE);
    }
    let release = workspace.metadata.target_directory.join("release");
    let measured = Command::new(release.join("aftercommit-bench"))
        .args(["sqlite", "--simplebank"])
        .arg(release.join("simplebank"))
        .args(options)
        .status()
        .context("cannot start the benchmark")?;
    Ok(if measured.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
