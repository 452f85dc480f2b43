//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! A command lives in its own module and returns the exit code. What a command reads from the environment is an
//! argument of its clap struct, so that `--help` lists it.

mod bench;
mod chaos;
mod ci;
mod files;
mod finding;
mod floors;
mod loc;
mod source;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use finding::Verdict;
use workspace::Workspace;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up and run every check and every test; `make test` and CI call this
    Ci(ci::Args),
    /// Check that dependencies between the crates point down only, and the invariants of ARCHITECTURE.md
    Floors,
    /// Check the house style: headers, file lengths, links, unused dependencies
    Tidy,
    /// Count the lines of code of each crate
    Loc,
    /// Measure ours beside the bare loop in one interleaved run
    Bench(bench::Args),
    /// Run the real bank under a seeded plan of faults and audit what is left
    #[command(disable_help_flag = true)]
    Chaos(chaos::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli.command).unwrap_or_else(|error| {
        // One line, where a `Result` from main would add a backtrace that helps nobody who mistyped a step.
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::around(".".into())?;
    match command {
        Command::Ci(args) => ci::run(&workspace, &args),
        Command::Floors => floors::run(&workspace).map(Verdict::exit_code),
        Command::Tidy => tidy::run(&workspace).map(Verdict::exit_code),
        Command::Loc => loc::run(&workspace),
        Command::Bench(args) => bench::run(&workspace, &args),
        Command::Chaos(args) => chaos::run(&workspace, &args),
    }
}
