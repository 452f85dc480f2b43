//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! A command lives in its own module and returns the exit code. What a command reads from the environment is an
//! argument of its clap struct, so that `--help` lists it.

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
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let workspace = workspace::Workspace::around(".".into())?;
    match cli.command {
        Command::Ci(args) => ci::run(&workspace, &args),
        Command::Floors => floors::run(&workspace).map(finding::Verdict::exit_code),
        Command::Tidy => tidy::run(&workspace).map(finding::Verdict::exit_code),
        Command::Loc => loc::run(&workspace),
    }
}
