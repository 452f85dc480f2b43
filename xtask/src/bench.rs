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
    /// The queue on Redis, beside the bare limit and asynq where Go is installed; appends to bench/results/
    Redis {
        /// Passed on to the benchmark; `cargo xtask bench redis -- --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// The queue, the outbox and the bank on Postgres, beside the bare limit, and River, graphile-worker and pg-boss where Go and npm
    /// are installed; appends to bench/results/
    Postgres {
        /// Passed on to the benchmark; `cargo xtask bench postgres -- --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// The queue and the bank on SQLite; appends to bench/results/
    Sqlite {
        /// Passed on to the benchmark; `cargo xtask bench sqlite -- --help` lists them
        #[arg(last = true)]
        options: Vec<String>,
    },
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let packages: &[&str] = match &args.what {
        What::Redis { .. } => &["aftercommit-bench"],
        What::Postgres { .. } | What::Sqlite { .. } => &["aftercommit-bench", "simplebank"],
    };
    let mut build = Command::new("cargo");
    build.current_dir(workspace.root()).args(["build", "--release"]);
    for package in packages {
        build.args(["--package", package]);
    }
    if !build.status().context("cannot start cargo")?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let release = workspace.metadata.target_directory.join("release");
    let mut bench = Command::new(release.join("aftercommit-bench"));
    match &args.what {
        What::Redis { options } => bench.arg("redis").args(options),
        What::Postgres { options } => {
            bench.args(["postgres", "--simplebank"]).arg(release.join("simplebank")).args(options)
        }
        What::Sqlite { options } => {
            bench.args(["sqlite", "--simplebank"]).arg(release.join("simplebank")).args(options)
        }
    };
    let measured = bench.status().context("cannot start the benchmark")?;
    Ok(if measured.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
