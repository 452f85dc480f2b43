//! The bank's program: reads the configuration, starts the log, and hands over to the roles.

use simplebank::config::{self, Config, Environment, Refusal};
use simplebank::domain::time::SystemClock;
use simplebank::failpoint;
use simplebank::lifecycle;
use simplebank::telemetry::{self, Colors, LogFormat};
use std::process::ExitCode;
use std::sync::Arc;

/// A configuration that cannot be followed.
const EXIT_CONFIGURATION: u8 = 2;
/// Something failed while starting or running.
const EXIT_FAILURE: u8 = 1;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn main() -> ExitCode {
    let arguments = std::env::args_os();
    let config = match config::load(arguments, std::env::vars_os(), |path| std::fs::read_to_string(path)) {
        Ok(config) => config,
        Err(refusal) => return refuse(&refusal),
    };
    if let Err(error) = failpoint::install(std::env::var("FAILPOINTS").ok().as_deref()) {
        eprintln!("simplebank: {error}");
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    let format = match config.environment {
        Environment::Development => {
            LogFormat::Console(Colors::for_stderr(std::env::var_os("NO_COLOR").as_deref()))
        }
        Environment::Production => LogFormat::Json,
    };
    if let Err(error) = telemetry::init(format, config.log.level, Arc::new(SystemClock)) {
        eprintln!("simplebank: cannot start the log: {error}");
        return ExitCode::from(EXIT_FAILURE);
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what was tried, and why it failed.
            tracing::error!("{}", telemetry::causes(error.as_ref()));
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(lifecycle::run(config));
    // Whatever is left has had its time.
    runtime.shutdown_background();
    ended
}

/// Says why there is no configuration. Help and version go where they can be piped.
fn refuse(refusal: &Refusal) -> ExitCode {
    match refusal {
        Refusal::Told(_) => print!("{refusal}"),
        Refusal::Faults(_) => eprint!("{refusal}"),
    }
    ExitCode::from(refusal.exit_code())
}
