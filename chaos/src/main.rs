//! Runs the trials that are asked for, one fleet after the other, and prints the report.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use aftercommit_chaos::{FleetKind, Outcome, Report, Setup, Watcher, run};
use clap::Parser;

/// Kills, freezes and cuts off the real bank while people sign up, and audits what is left.
#[derive(Parser)]
#[command(name = "cargo xtask chaos", version)]
struct Arguments {
    /// The bank's program, built with the feature `failpoints`
    #[arg(long, value_name = "PATH")]
    simplebank: PathBuf,
    /// Makes the same plan again [default: any]
    #[arg(long)]
    seed: Option<u64>,
    /// How many sign up, over all fleets
    #[arg(long, default_value_t = 52_000)]
    tasks: usize,
    /// How many faults are planned, over all fleets
    #[arg(long, default_value_t = 180)]
    faults: usize,
    /// Only this fleet; may be given more than once [default: all]
    #[arg(long, value_enum)]
    fleet: Vec<FleetKind>,
    /// Within how many minutes, over all fleets; starts and audits come on top
    #[arg(long, default_value_t = 24.0)]
    minutes: f64,
    /// A setting of every process, to see what becomes of a bank that is set up another way
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run_all(Arguments::parse()))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

async fn run_all(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let kinds = if arguments.fleet.is_empty() { FleetKind::ALL.to_vec() } else { arguments.fleet };
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let fleets = kinds.len();
    let span = Duration::try_from_secs_f64(arguments.minutes * 60.0)? / u32::try_from(fleets)?;
    eprintln!("chaos --seed {seed} --tasks {} --faults {}", arguments.tasks, arguments.faults);
    let (mut outcomes, mut broken_off): (Vec<Outcome>, usize) = (Vec::new(), 0);
    for kind in kinds {
        let setup = Setup {
            kind,
            seed,
            tasks: arguments.tasks.div_ceil(fleets),
            faults: arguments.faults.div_ceil(fleets),
            span,
            settings: arguments.set.clone(),
        };
        match run(setup, &arguments.simplebank, &Watcher::of_this_run()).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                eprintln!("{}: {error:#}", kind.name());
                broken_off += 1;
            }
        }
    }
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&outcomes)?),
        false => println!("{}", Report(&outcomes)),
    }
    let clean = broken_off == 0 && outcomes.iter().all(Outcome::is_clean);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
