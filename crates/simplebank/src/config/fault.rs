//! What is wrong with the configuration, said so that it can be put right.

use std::fmt;

/// One thing that is wrong. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, flag or file it is about.
    pub subject: String,
    /// Where it was given.
    pub source: Source,
    /// What is wrong, or what was expected.
    pub problem: String,
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// By a flag, named here without its dashes.
    Flag(String),
    /// On the command line, where it is no flag the bank has.
    CommandLine,
    /// In the environment.
    Environment,
    /// In a line of a file, counted from 1.
    Line(String, usize),
    /// Nowhere.
    Nowhere,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::CommandLine => f.write_str("command line"),
            Self::Environment => f.write_str("environment"),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Nowhere => f.write_str("not set"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.subject, self.source, self.problem)
    }
}

/// Why there is no configuration to start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Help or the version was asked for; this is it.
    Told(String),
    /// Everything that is wrong.
    Faults(Vec<Fault>),
}

impl Refusal {
    /// The exit code of the process: 0 after help, 2 after faults.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Told(_) => 0,
            Self::Faults(_) => 2,
        }
    }
}

/// The help, or one line per fault. Help belongs on standard output, faults on standard error.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(text) => f.write_str(text),
            Self::Faults(faults) => faults.iter().try_for_each(|fault| writeln!(f, "{fault}")),
        }
    }
}
