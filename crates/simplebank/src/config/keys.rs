//! What a configuration key is, and the list of them all. Flags, `app.env` and the documentation follow this list.

use super::{delivery, environment, log, mail, outbox, passwords, redis, server, store, tasks, tokens};

/// One thing that can be configured.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in `app.env` and in the environment.
    pub name: &'static str,
    /// What it is for, one sentence.
    pub about: &'static str,
    /// What holds where nothing is given.
    pub preset: Preset,
    /// Whether a value may be shown.
    pub secrecy: Secrecy,
    /// What is refused with `ENVIRONMENT=production`; empty if nothing is.
    pub refused_in_production: &'static str,
}

/// The default of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// This value.
    Value(&'static str),
    /// Something else, in words.
    Words(&'static str),
}

/// Whether the value of a key may appear in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It may.
    Public,
    /// It never does.
    Secret,
}

impl Key {
    pub(super) const fn new(name: &'static str, preset: &'static str, about: &'static str) -> Self {
        let (preset, secrecy) = (Preset::Value(preset), Secrecy::Public);
        Self { name, about, preset, secrecy, refused_in_production: "" }
    }

    /// A key whose default is not a value that could be given.
    pub(super) const fn without_value(name: &'static str, words: &'static str, about: &'static str) -> Self {
        Self { preset: Preset::Words(words), ..Self::new(name, "", about) }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secrecy: Secrecy::Secret, ..self }
    }

    pub(super) const fn refused_in_production(self, what: &'static str) -> Self {
        Self { refused_in_production: what, ..self }
    }

    /// The name on the command line, without the dashes.
    pub fn flag(&self) -> String {
        flag_of(self.name)
    }
}

/// `db-source` for `DB_SOURCE`.
pub(super) fn flag_of(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Every key that has an effect, by section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    let sections = [
        environment::KEYS,
        store::KEYS,
        server::KEYS,
        mail::KEYS,
        tokens::KEYS,
        passwords::KEYS,
        tasks::KEYS,
        redis::KEYS,
        delivery::KEYS,
        outbox::KEYS,
        log::KEYS,
    ];
    sections.into_iter().flatten()
}

/// How alike two names must be for one to be suggested in place of the other, from 0 to 1.
const ALIKE: f64 = 0.7;

/// The name that was probably meant.
pub(super) fn closest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate| strsim::normalized_damerau_levenshtein(name, candidate);
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let names: Vec<_> = keys().map(|key| key.name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn likely_name_is_suggested_and_an_unlikely_one_is_not() {
        let meant = |name| closest(name, keys().map(|key| key.name));
        assert_eq!(meant("DB_SORUCE"), Some("DB_SOURCE"));
        assert_eq!(meant("db_source"), None);
        assert_eq!(meant("TASK_QUEUE"), Some("TASK_QUEUE"));
        assert_eq!(meant("HTTP_ADDRESS"), None);
        assert_eq!(meant("GRPC_SERVER_ADRESS"), Some("GRPC_SERVER_ADDRESS"));
    }
}
