//! The migrations of a back-end as the migrator takes them.

use super::migrate::{Migration as Entry, State};
use super::{Fault, Place, StoreError};
use sqlx::SqlSafeStr;
use sqlx::migrate::{AppliedMigration, MigrateError, Migration, MigrationType, Migrator};
use std::borrow::Cow;

/// A table of our own: libraries that live in the same database keep theirs.
pub(super) const TABLE: &str = "_simplebank_migrations";

/// One migration, there and back.
pub(super) struct Script {
    pub(super) version: i64,
    pub(super) name: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
}

/// Reads migrations from the directory of a back-end when the program is built.
macro_rules! scripts {
    ($directory:literal: $($version:literal $name:literal $file:literal;)*) => {
        $crate::store::scripts::Scripts(&[$($crate::store::scripts::Script {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../../migrations/", $directory, "/", $file, ".up.sql")),
            down: include_str!(concat!("../../../migrations/", $directory, "/", $file, ".down.sql")),
        }),*])
    };
}
pub(super) use scripts;

/// All migrations of a back-end, in order.
pub(super) struct Scripts(pub(super) &'static [Script]);

impl Scripts {
    /// The number of the last one.
    pub(super) fn newest(&self) -> i64 {
        self.0.last().map_or(0, |script| script.version)
    }

    /// Runs them, on a connection whose transaction somebody else holds.
    pub(super) fn migrator(&self) -> Migrator {
        let both = |script| [up(script), down(script)];
        let mut migrator = Migrator::with_migrations(self.0.iter().flat_map(both).collect());
        migrator.dangerous_set_table_name(TABLE);
        migrator.set_locking(false);
        migrator
    }

    /// The numbers of the next ones that are not among the applied, and of the last one that is to be applied then.
    pub(super) fn next(&self, applied: &[i64], steps: usize) -> (Vec<i64>, i64) {
        let versions = self.0.iter().map(|script| script.version);
        let next: Vec<i64> = versions.filter(|version| !applied.contains(version)).take(steps).collect();
        let target = next.last().or(applied.last()).copied().unwrap_or(0);
        (next, target)
    }

    /// All of them, with where they stand.
    pub(super) fn entries(&self, applied: &[i64]) -> Vec<Entry> {
        let state = |version| if applied.contains(&version) { State::Applied } else { State::Pending };
        let entry = |script: &Script| Entry {
            version: script.version,
            name: script.name,
            state: state(script.version),
        };
        self.0.iter().map(entry).collect()
    }

    /// The numbers of the applied ones, in order. Refuses a database from a later version.
    pub(super) fn check(
        &self,
        applied: Vec<AppliedMigration>,
        place: &Place,
    ) -> Result<Vec<i64>, StoreError> {
        let known = self.newest();
        match applied.last() {
            Some(last) if last.version > known => {
                Err(StoreError::new(place, Fault::SchemaNewer { found: last.version, known }))
            }
            _ => Ok(applied.into_iter().map(|migration| migration.version).collect()),
        }
    }

    /// The meaning of a migrator's error; `meaning` knows that of the driver's.
    pub(super) fn explain(
        &self,
        place: &Place,
        meaning: impl Fn(&sqlx::Error) -> Fault,
        error: MigrateError,
    ) -> StoreError {
        match error {
            MigrateError::Execute(error) => StoreError::caused(place, meaning(&error), error),
            // A full disk is a full disk, also in the middle of a migration.
            MigrateError::ExecuteMigration(error, version) => match meaning(&error) {
                Fault::Statement | Fault::SchemaMissing => {
                    StoreError::caused(place, Fault::MigrationFailed(version), error)
                }
                fault => StoreError::caused(place, fault, error),
            },
            MigrateError::VersionMissing(found) => {
                StoreError::new(place, Fault::SchemaNewer { found, known: self.newest() })
            }
            MigrateError::VersionMismatch(version) => {
                StoreError::new(place, Fault::MigrationChanged(version))
            }
            other => StoreError::caused(place, Fault::Statement, other),
        }
    }
}

/// A migration in its upward direction.
pub(super) fn up(script: &Script) -> Migration {
    migration(script, MigrationType::ReversibleUp, script.up)
}

fn down(script: &Script) -> Migration {
    migration(script, MigrationType::ReversibleDown, script.down)
}

fn migration(script: &Script, kind: MigrationType, sql: &'static str) -> Migration {
    Migration::new(script.version, Cow::Borrowed(script.name), kind, sql.into_sql_str(), false)
}
