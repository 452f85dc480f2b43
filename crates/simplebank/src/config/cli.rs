//! The command line: a role, and a flag for every key.

use super::fault::{Fault, Refusal, Source};
use super::keys::{Key, Preset, closest, flag_of, keys};
use super::later;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// A small bank: gRPC, HTTP/JSON and background tasks in one program.
///
/// Settings are taken from flags, then from the environment, then from app.env, then from the defaults.
#[derive(Debug, clap::Parser)]
#[command(name = "simplebank", version)]
struct Cli {
    /// The file with settings. Without this flag, ./app.env is read if it is there.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// The roles, as messages list them.
const ROLES: &str = "all, serve, worker, relay, audit, or migrate with up, down or status";

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
pub enum Role {
    /// Serve requests and run tasks (the default)
    All,
    /// Serve requests only
    Serve,
    /// Run tasks only
    Worker,
    /// Publish committed tasks to Redis only
    Relay,
    /// Look after the database schema
    #[command(subcommand)]
    Migrate(Migrate),
    /// List what breaks the rules: rows from before a rule, and money that does not add up
    Audit,
}

/// More migrations than there are.
pub const ALL: usize = usize::MAX;

/// What to do with the database schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
pub enum Migrate {
    /// Apply migrations that are not applied yet: so many, or all and the tables of the task queue
    Up {
        /// A number, or `all`
        #[arg(value_name = "N", default_value = "all", value_parser = steps)]
        steps: usize,
    },
    /// Take migrations back: the last one, or so many, or all
    Down {
        /// A number, or `all`
        #[arg(value_name = "N", default_value = "1", value_parser = steps)]
        steps: usize,
    },
    /// Show which migrations are applied
    Status,
}

/// How many migrations, [`ALL`] for all.
fn steps(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(ALL),
        _ => text.parse().ok().filter(|steps| *steps > 0).ok_or_else(|| "a number, or all".to_owned()),
    }
}

impl Role {
    /// True if this process runs tasks, and so sends e-mail.
    pub fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    /// True if this process serves requests.
    pub fn serves(self) -> bool {
        matches!(self, Self::All | Self::Serve)
    }

    /// True if this process publishes tasks, where there is somewhere to publish them to. Whoever commits tasks does:
    /// its commits wake it, and no second kind of process has to be there for a mail to leave.
    pub fn relays(self) -> bool {
        self.serves() || self == Self::Relay
    }

    /// True if this process makes or checks tokens or codes.
    pub fn needs_keys(self) -> bool {
        self.works() || self.serves()
    }
}

/// A command line that could be understood, perhaps after leaving out what could not.
pub(super) struct CommandLine {
    pub(super) role: Role,
    pub(super) config: Option<PathBuf>,
    /// Values by flag.
    pub(super) flags: HashMap<String, String>,
    pub(super) faults: Vec<Fault>,
}

/// Reads the command line. Unknown flags are left out and reported, so that other faults can be found as well.
pub(super) fn parse(mut args: Vec<OsString>) -> Result<CommandLine, Refusal> {
    let mut faults = Vec::new();
    loop {
        let error = match command().try_get_matches_from(&args).and_then(|matches| understood(&matches)) {
            Ok(line) => return Ok(CommandLine { faults, ..line }),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Err(Refusal::Told(error.render().to_string()));
        }
        match take_out_unknown_flag(&mut args, &error) {
            Some(flag) => faults.push(unknown_flag(&flag)),
            None => {
                faults.push(unusable(&error));
                return Err(Refusal::Faults(faults));
            }
        }
    }
}

fn command() -> clap::Command {
    Cli::command().args(keys().map(|key| {
        let preset = match key.preset {
            Preset::Value(preset) | Preset::Words(preset) => preset,
        };
        Arg::new(key.name)
            .long(key.flag())
            .value_name("VALUE")
            .help(format!("{} [default: {preset}]", key.about).replace('`', ""))
            .help_heading("Settings")
            .allow_negative_numbers(true)
            .global(true)
    }))
}

fn understood(matches: &ArgMatches) -> Result<CommandLine, clap::Error> {
    let cli = Cli::from_arg_matches(matches)?;
    let value = |key: &Key| matches.get_one::<String>(key.name).map(|value| (key.flag(), value.clone()));
    let flags = keys().filter_map(value).collect();
    let role = cli.role.unwrap_or(Role::All);
    Ok(CommandLine { role, config: cli.config, flags, faults: Vec::new() })
}

/// Takes the unknown flag that an error is about out of the list, and its value with it.
fn take_out_unknown_flag(args: &mut Vec<OsString>, error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let flag = context(error, ContextKind::InvalidArg)?.strip_prefix("--")?;
    let is_it = |arg: &OsString| {
        let text = arg.to_string_lossy();
        text.strip_prefix("--")
            .and_then(|text| text.strip_prefix(flag))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let at = args.iter().skip(1).position(is_it)? + 1;
    let alone = !args.remove(at).to_string_lossy().contains('=');
    let is_value = |arg: &OsString| {
        let text = arg.to_string_lossy();
        !text.starts_with('-') && command().find_subcommand(&*text).is_none()
    };
    if alone && args.get(at).is_some_and(is_value) {
        args.remove(at);
    }
    Some(flag.to_owned())
}

fn unknown_flag(flag: &str) -> Fault {
    let known: Vec<String> = keys().map(Key::flag).chain(["config".to_owned()]).collect();
    let problem = match closest(flag, known.iter().map(String::as_str)) {
        _ if later::names().any(|name| flag_of(name) == flag) => "not in this release".to_owned(),
        Some(meant) => format!("unknown, did you mean --{meant}?"),
        None => "unknown, see --help".to_owned(),
    };
    Fault { subject: format!("--{flag}"), source: Source::CommandLine, problem }
}

/// An error after which the rest of the command line means nothing. Arguments that are in the wrong place may be
/// the values of secret keys, so they are not repeated.
fn unusable(error: &clap::Error) -> Fault {
    let flag = context(error, ContextKind::InvalidArg).and_then(|arg| arg.split_whitespace().next());
    let (subject, problem) = match (error.kind(), flag.filter(|arg| arg.starts_with('-'))) {
        (ErrorKind::InvalidSubcommand, _) => {
            let word = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let roles = ["all", "serve", "worker", "relay", "audit", "migrate", "up", "down", "status"];
            match closest(word, roles.into_iter()) {
                Some(meant) => ("role", format!("unknown, did you mean {meant}?")),
                None => ("role", format!("expected {ROLES}")),
            }
        }
        (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand, _) => {
            ("migrate", "expected up, down or status".to_owned())
        }
        (ErrorKind::ValueValidation, None) => ("migrate", "expected how many, or all".to_owned()),
        (ErrorKind::ArgumentConflict, Some(flag)) => (flag, "given more than once".to_owned()),
        (ErrorKind::InvalidValue, Some(flag)) => (flag, "expected a value".to_owned()),
        (ErrorKind::InvalidUtf8, _) => ("arguments", "expected text in UTF-8".to_owned()),
        (_, Some(flag)) => (flag, "unknown, see --help".to_owned()),
        (_, None) => ("arguments", "more than expected, see --help".to_owned()),
    };
    Fault { subject: subject.to_owned(), source: Source::CommandLine, problem }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}
