//! Finds the value of each key, flag before environment before file before default, and collects what is wrong.

use super::env_file::Entry;
use super::fault::{Fault, Source};
use super::keys::{Key, Preset, Secrecy, flag_of};
use super::{Environment, Role};
use std::collections::HashMap;
use std::ffi::OsString;

/// The longest piece of a value that is repeated in a fault, in characters.
const MAX_SHOWN: usize = 60;

/// Everything that was given.
#[derive(Default)]
pub(super) struct Given {
    /// Values by flag.
    pub(super) flags: HashMap<String, String>,
    /// The environment of the process.
    pub(super) environment: HashMap<OsString, OsString>,
    /// The name of the file, for messages.
    pub(super) file: String,
    /// What is in it.
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Reader {
    given: Given,
    role: Role,
    environment: Environment,
    faults: Vec<Fault>,
    notices: Vec<String>,
}

impl Reader {
    pub(super) fn new(given: Given, role: Role, faults: Vec<Fault>) -> Self {
        Self { given, role, environment: Environment::Development, faults, notices: Vec::new() }
    }

    /// The value of a key or its default. `None` if that is a fault, which is then on the list.
    pub(super) fn read<T>(&mut self, key: &Key, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let Preset::Value(preset) = key.preset else {
            unreachable!("{} is read with read_optional: it has no default value", key.name)
        };
        let (text, source) = self.find(key.name)?.unwrap_or((preset.to_owned(), Source::Nowhere));
        self.parsed(key, &text, source, parse)
    }

    /// The value of a key, if one is given. `None` if that is a fault, which is then on the list.
    pub(super) fn read_optional<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match self.find(key.name)? {
            Some((text, source)) => self.parsed(key, &text, source, parse).map(Some),
            None => Some(None),
        }
    }

    /// Puts a fault of a key on the list.
    pub(super) fn fault(&mut self, key: &Key, problem: impl Into<String>) {
        let source = self.source(key.name);
        self.faults.push(Fault { subject: key.name.to_owned(), source, problem: problem.into() });
    }

    /// Something the operator should know, though it is no fault.
    pub(super) fn notice(&mut self, text: impl Into<String>) {
        self.notices.push(text.into());
    }

    pub(super) fn is_given(&self, key: &Key) -> bool {
        self.source(key.name) != Source::Nowhere
    }

    /// The name and where it is given, for a message.
    pub(super) fn where_given(&self, name: &str) -> Option<String> {
        let source = self.source(name);
        (source != Source::Nowhere).then(|| format!("{name} ({source})"))
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    pub(super) fn set_environment(&mut self, environment: Environment) {
        self.environment = environment;
    }

    /// Faults and notices.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<String>) {
        (self.faults, self.notices)
    }

    fn parsed<T>(
        &mut self,
        key: &Key,
        text: &str,
        source: Source,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let expected = match parse(text) {
            Ok(value) => return Some(value),
            Err(expected) => expected,
        };
        let problem = match key.secrecy {
            Secrecy::Secret => format!("expected {expected}"),
            Secrecy::Public => {
                let shown: String = text.chars().take(MAX_SHOWN).collect();
                format!("expected {expected}, got {shown:?}")
            }
        };
        self.faults.push(Fault { subject: key.name.to_owned(), source, problem });
        None
    }

    /// What is given for a name. The first source that has it decides; if it is empty there, nothing is given, so
    /// that a flag or variable can take back what the file says. `None` if it is no text.
    fn find(&mut self, name: &str) -> Option<Option<(String, Source)>> {
        match self.lookup(name) {
            Some((Some(text), _)) if text.is_empty() => Some(None),
            Some((Some(text), source)) => Some(Some((text, source))),
            Some((None, source)) => {
                let (subject, problem) = (name.to_owned(), "expected text in UTF-8".to_owned());
                self.faults.push(Fault { subject, source, problem });
                None
            }
            None => Some(None),
        }
    }

    fn source(&self, name: &str) -> Source {
        match self.lookup(name) {
            Some((text, source)) if text.as_deref() != Some("") => source,
            _ => Source::Nowhere,
        }
    }

    /// The text (if it is text) and its source.
    fn lookup(&self, name: &str) -> Option<(Option<String>, Source)> {
        let flag = flag_of(name);
        if let Some(text) = self.given.flags.get(&flag) {
            return Some((Some(text.clone()), Source::Flag(flag)));
        }
        if let Some(text) = self.given.environment.get(&OsString::from(name)) {
            return Some((text.to_str().map(str::to_owned), Source::Environment));
        }
        let entry = self.given.entries.iter().find(|entry| entry.name == name)?;
        Some((Some(entry.value.clone()), Source::Line(self.given.file.clone(), entry.line)))
    }
}
