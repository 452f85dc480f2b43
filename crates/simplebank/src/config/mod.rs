//! The configuration: flags, then the environment, then `app.env`, then defaults; every fault reported at once.
//!
//! [`load`] is a pure function: the binary hands it the arguments, the environment and a way to read a file, and
//! nothing else in the program looks at any of them. Each section has a file, which declares its keys and reads them.

mod cli;
mod delivery;
#[cfg(test)]
mod docs;
pub(crate) mod duration;
mod env_file;
mod environment;
mod fault;
mod keys;
mod later;
mod log;
mod mail;
mod number;
mod outbox;
mod passwords;
mod reader;
mod redis;
mod server;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
mod tokens;

pub use cli::{ALL, Migrate, Role};
pub use delivery::TaskDelivery;
pub use environment::Environment;
pub use fault::{Fault, Refusal, Source};
pub use keys::{Key, Preset, Secrecy, keys};
pub use log::{Log, TaskPayloads};
pub use mail::Mail;
pub use outbox::Retain;
pub use redis::Redis;
pub use server::Server;
pub use store::Store;
pub use tasks::{MissingUser, RetryDelay, Tasks};
pub use tokens::Tokens;

use crate::password::Cost;
use cli::CommandLine;
use reader::{Given, Reader};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The file that is read where no other is named.
const FILE: &str = "app.env";

/// Everything a process of the bank is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What this process does.
    pub role: Role,
    /// Where it runs.
    pub environment: Environment,
    /// The data.
    pub store: Store,
    /// The servers.
    pub server: Server,
    /// E-mail.
    pub mail: Mail,
    /// Token keys.
    pub tokens: Tokens,
    /// Password hashing.
    pub passwords: Cost,
    /// Background tasks.
    pub tasks: Tasks,
    /// Redis, if tasks run from there; without it, from the database.
    pub redis: Option<Redis>,
    /// How tasks get there.
    pub delivery: TaskDelivery,
    /// How long a task that is published to Redis stays in the outbox.
    pub retain: Retain,
    /// Logs.
    pub log: Log,
    /// What to warn about at start, one line each.
    pub notices: Vec<String>,
}

/// Reads the configuration. `args` starts with the name of the program; `read` reads a whole file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    read: impl Fn(&Path) -> io::Result<String>,
) -> Result<Config, Refusal> {
    let CommandLine { role, config, flags, mut faults } = cli::parse(args.into_iter().collect())?;
    let environment = environment.into_iter().collect();
    let (file, entries) = entries(config, read, &mut faults);
    let mut reader = Reader::new(Given { flags, environment, file, entries }, role, faults);

    let environment = Environment::read(&mut reader);
    reader.set_environment(environment.unwrap_or(Environment::Development));
    let store = Store::read(&mut reader);
    let server = Server::read(&mut reader);
    let mail = Mail::read(&mut reader);
    let tokens = Tokens::read(&mut reader);
    let passwords = passwords::read(&mut reader);
    let delivery = TaskDelivery::read(&mut reader);
    let tasks = Tasks::read(&mut reader, delivery);
    let redis = Redis::read(&mut reader, delivery);
    let retain = Retain::read(&mut reader);
    let log = Log::read(&mut reader);
    later::check(&mut reader);

    let (faults, notices) = reader.finish();
    let whole = || {
        let (environment, store, server, mail) = (environment?, store?, server?, mail?);
        let (tokens, passwords, tasks, redis, log) = (tokens?, passwords?, tasks?, redis?, log?);
        let (delivery, retain) = (delivery?, retain?);
        Some(Config {
            role,
            environment,
            store,
            server,
            mail,
            tokens,
            passwords,
            tasks,
            redis,
            delivery,
            retain,
            log,
            notices,
        })
    };
    match whole() {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(Refusal::Faults(faults)),
    }
}

/// The settings in the file, and its name as messages show it. A file that is named must be there.
fn entries(
    named: Option<PathBuf>,
    read: impl Fn(&Path) -> io::Result<String>,
    faults: &mut Vec<Fault>,
) -> (String, Vec<env_file::Entry>) {
    let optional = named.is_none();
    let path = named.unwrap_or_else(|| FILE.into());
    let file = path.display().to_string();
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if optional && error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            let source = if optional { Source::Nowhere } else { Source::Flag("config".to_owned()) };
            faults.push(Fault { subject: file.clone(), source, problem: format!("cannot be read: {error}") });
            String::new()
        }
    };
    let (entries, bad) = env_file::parse(&text);
    let at = |line| Source::Line(file.clone(), line);
    faults.extend(bad.into_iter().map(|bad| Fault {
        subject: "line".to_owned(),
        source: at(bad.line),
        problem: bad.problem.to_owned(),
    }));
    for (index, entry) in entries.iter().enumerate() {
        let earlier = entries[..index].iter().find(|earlier| earlier.name == entry.name);
        let problem = match earlier {
            Some(earlier) => Some(format!("given already in line {}", earlier.line)),
            None => unknown(&entry.name),
        };
        if let Some(problem) = problem {
            faults.push(Fault { subject: entry.name.clone(), source: at(entry.line), problem });
        }
    }
    (file, entries)
}

/// What to say about a key nobody knows.
fn unknown(name: &str) -> Option<String> {
    let known = || keys().map(|key| key.name).chain(later::names());
    if known().any(|known| known == name) {
        return None;
    }
    Some(match keys::closest(&name.to_ascii_uppercase(), known()) {
        Some(meant) => format!("unknown key, did you mean {meant}?"),
        None => "unknown key".to_owned(),
    })
}
