//! Where the database is: the value of `DB_SOURCE`, parsed.

use super::postgres::{PostgresAddress, PostgresSource};
use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An SQLite file at this path; relative paths start at the working directory.
    Sqlite(PathBuf),
    /// A Postgres.
    Postgres(Box<PostgresSource>),
}

/// Why a text does not say where a database is. Never contains a part of the text that may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(Cow<'static, str>);

impl SourceError {
    pub(super) fn new(words: impl Into<Cow<'static, str>>) -> Self {
        Self(words.into())
    }
}

const FORMS: &str =
    "sqlite:PATH, with PATH a file and no parameters, or postgresql://user:password@host:port/database";

impl FromStr for Source {
    type Err = SourceError;

    /// Takes `postgresql://..`, or `postgres://..`; `sqlite:PATH`, and `sqlite://PATH` as it is often written, where
    /// everything after the scheme is the path, unchanged. A database in memory is refused: it would be a different one
    /// on every connection, and gone with the process.
    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => PostgresAddress::parse(text)
                .map(|address| Self::Postgres(Box::new(PostgresSource::new(address)))),
            Some(("sqlite", rest)) => sqlite(rest),
            _ => Err(SourceError::new(FORMS)),
        }
    }
}

fn sqlite(rest: &str) -> Result<Source, SourceError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.ends_with('/') || path.contains(":memory:") || path.contains(['?', '\0']) {
        return Err(SourceError::new(FORMS));
    }
    Ok(Source::Sqlite(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_follows_the_scheme_with_or_without_slashes() {
        for (text, path) in [
            ("sqlite:./simplebank.db", "./simplebank.db"),
            ("sqlite:simplebank.db", "simplebank.db"),
            ("sqlite:/var/lib/bank/a b.db", "/var/lib/bank/a b.db"),
            ("sqlite://simplebank.db", "simplebank.db"),
            ("sqlite:///var/lib/bank.db", "/var/lib/bank.db"),
        ] {
            assert_eq!(text.parse(), Ok(Source::Sqlite(path.into())), "{text}");
        }
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for text in [
            "",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:data/",
            "sqlite:a.db?mode=ro",
            "mysql://x",
            "./a.db",
        ] {
            assert_eq!(text.parse::<Source>(), Err(SourceError::new(FORMS)), "{text}");
        }
    }
}
