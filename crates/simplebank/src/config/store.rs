//! Where the data is.

use super::keys::Key;
use super::reader::Reader;
use std::path::PathBuf;

pub(super) const KEYS: &[Key] = &[DB_SOURCE];
const DB_SOURCE: Key = Key::new(
    "DB_SOURCE",
    "sqlite:./simplebank.db",
    "The database, `sqlite:PATH`. It also holds the task queue.",
)
.secret();

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database.
    pub source: DbSource,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbSource {
    /// An SQLite file.
    Sqlite(PathBuf),
}

impl Store {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let source = reader.read(&DB_SOURCE, source);
        Some(Self { source: source? })
    }
}

/// Other databases are refused and not ignored: the data must not end up where nobody looks for it.
fn source(text: &str) -> Result<DbSource, String> {
    let expected = || "sqlite:PATH, with PATH a file and no parameters".to_owned();
    match text.split_once(':') {
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            // An in-memory database is lost at exit, and each connection would have its own.
            let file = !path.is_empty() && !path.starts_with(':') && !path.contains('?');
            file.then(|| DbSource::Sqlite(path.into())).ok_or_else(expected)
        }
        Some(("postgres" | "postgresql", _)) => {
            Err("sqlite:PATH (PostgreSQL is not in this release)".to_owned())
        }
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_files_are_accepted() {
        for (text, path) in [
            ("sqlite:./simplebank.db", "./simplebank.db"),
            ("sqlite:/var/bank.db", "/var/bank.db"),
            ("sqlite:///var/bank.db", "/var/bank.db"),
            ("sqlite://bank.db", "bank.db"),
        ] {
            assert_eq!(source(text), Ok(DbSource::Sqlite(path.into())), "{text}");
        }
    }

    #[test]
    fn other_databases_are_refused_by_name() {
        let postgres =
            source("postgresql://root:secret@localhost:5432/simple_bank?sslmode=disable").unwrap_err();
        assert_eq!(postgres, "sqlite:PATH (PostgreSQL is not in this release)");
        for bad in [
            "",
            "simplebank.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://",
            "sqlite:a?mode=ro",
            "mysql://h/d",
        ] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}
