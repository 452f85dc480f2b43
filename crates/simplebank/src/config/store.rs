//! Where the data is.

use super::keys::Key;
use super::reader::Reader;
use crate::store::Source;

pub(super) const KEYS: &[Key] = &[DB_SOURCE];
const DB_SOURCE: Key = Key::new(
    "DB_SOURCE",
    "sqlite:./simplebank.db",
    "The database, `sqlite:PATH`. It also holds the task queue, or with Redis the outbox.",
)
.secret();

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database.
    pub source: Source,
}

impl Store {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let source = reader.read(&DB_SOURCE, source);
        Some(Self { source: source? })
    }
}

/// Other databases are refused and not ignored: the data must not end up where nobody looks for it.
fn source(text: &str) -> Result<Source, String> {
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => {
            Err("sqlite:PATH (PostgreSQL is not in this release)".to_owned())
        }
        _ => text.parse().map_err(|_| "sqlite:PATH, with PATH a file and no parameters".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_databases_are_refused_by_name() {
        assert_eq!(source("sqlite:./simplebank.db"), Ok(Source::Sqlite("./simplebank.db".into())));
        let postgres =
            source("postgresql://root:secret@localhost:5432/simple_bank?sslmode=disable").unwrap_err();
        assert_eq!(postgres, "sqlite:PATH (PostgreSQL is not in this release)");
        for bad in ["", "simplebank.db", "sqlite:", "mysql://h/d"] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}
