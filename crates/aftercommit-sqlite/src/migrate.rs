//! Creates the tables, and brings them up to date.

use aftercommit_core::{Error, Result};
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::SqliteQueue;
use crate::error::failed;
use crate::store::Store;

const DOING: &str = "migrate the tables of the queue";

/// The host keeps its own migrations elsewhere.
const TABLE: &str = "_aftercommit_migrations";

/// What there is, in order. An applied one never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "queue", include_str!("../migrations/0001_queue.sql")),
    (2, "groups", include_str!("../migrations/0002_groups.sql")),
    (3, "outbox", include_str!("../migrations/0003_outbox.sql")),
    (4, "outbox kept", include_str!("../migrations/0004_outbox_kept.sql")),
    (5, "receipts", include_str!("../migrations/0005_receipts.sql")),
];

impl SqliteQueue {
    /// Creates the tables of the queue and of the outbox in the database, or brings them up to date. Safe to call at each
    /// start, from several processes at once. All tables are named `aftercommit_*`; which migrations were
    /// applied stands in `_aftercommit_migrations`.
    ///
    /// # Errors
    /// If the tables are of a newer version than this library knows, or the store refuses.
    pub async fn migrate(&self) -> Result<()> {
        self.store.migrate().await
    }
}

impl Store {
    /// Brings the tables of the queue and of the outbox up to date.
    pub(crate) async fn migrate(&self) -> Result<()> {
        // One transaction around all of it makes processes that start together take turns.
        let mut tx = self.write(DOING).await?;
        // Not `run`, whose future cannot be sent to another thread with a borrowed connection.
        migrator().run_direct(None, &mut *tx, false).await.map_err(refused)?;
        tx.commit().await.map_err(failed(DOING))
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

fn refused(error: MigrateError) -> Error {
    let latest = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    match error {
        MigrateError::VersionMissing(version) if version > latest => Error::store(
            DOING,
            format!(
                "they are of version {version}, and this library knows {latest} at most; use a newer one"
            ),
        ),
        MigrateError::VersionMismatch(version) => Error::store(
            DOING,
            format!("version {version} was applied in another form; the database is of another program"),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(DOING)(error),
        other => Error::store(DOING, other),
    }
}
