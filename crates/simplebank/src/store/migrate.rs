//! Bringing the schema up to date, taking it back, and saying where it stands.
//!
//! The migrations are part of the program. They have the same numbers on every back-end: 1-5 make the
//! schema that databases of this bank have always had, later ones tighten it. A run is one
//! transaction: either all of it happens or nothing, and of several processes that start at once one
//! migrates while the others wait.

use std::fmt;

use super::{Source, StoreError, postgres, sqlite};

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is in the database.
    Applied,
    /// It is not in the database yet.
    Pending,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
        })
    }
}

/// One migration of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub version: i64,
    /// What it does, as in "add users".
    pub name: &'static str,
    /// Whether it is applied.
    pub state: State,
}

/// Applies every migration that is pending, and creates the file if there is none. Returns the numbers of
/// those applied now. A Postgres that the bank's Go program has made is taken over as it is.
///
/// # Errors
/// Refuses a database whose schema is newer than this program, or whose applied migrations had
/// another text, or that a Go program left half-migrated, without changing anything.
pub async fn up(source: &Source) -> Result<Vec<i64>, StoreError> {
    up_by(source, usize::MAX).await
}

/// As [`up`], but applies no more than the next `steps` migrations.
///
/// # Errors
/// As [`up`].
pub async fn up_by(source: &Source, steps: usize) -> Result<Vec<i64>, StoreError> {
    match source {
        Source::Sqlite(path) => sqlite::migrate::up(path, steps).await,
        Source::Postgres(source) => postgres::migrate::up(source, steps).await,
    }
}

/// Takes back the `steps` migrations that were applied last (all, if there are fewer). Returns their
/// numbers, last first. Data that the earlier schema has no place for is lost.
///
/// # Errors
/// As [`up`]; also if there is no database.
pub async fn down(source: &Source, steps: usize) -> Result<Vec<i64>, StoreError> {
    match source {
        Source::Sqlite(path) => sqlite::migrate::down(path, steps).await,
        Source::Postgres(source) => postgres::migrate::down(source, steps).await,
    }
}

/// Every migration of this program, in order, and whether it is applied.
///
/// # Errors
/// As [`up`]; also if there is no database.
pub async fn status(source: &Source) -> Result<Vec<Migration>, StoreError> {
    match source {
        Source::Sqlite(path) => sqlite::migrate::status(path).await,
        Source::Postgres(source) => postgres::migrate::status(source).await,
    }
}
