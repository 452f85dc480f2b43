//! Creates the tables, and brings them up to date.

use aftercommit_core::{Error, Result};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr};

use crate::error::failed;
use crate::store::Store;

const DOING: &str = "migrate the tables of the queue";

const SCHEMA: &str = "aftercommit";
/// The host keeps its own migrations elsewhere.
const TABLE: &str = "aftercommit._aftercommit_migrations";

/// The lock that makes processes which start together take turns; the number says nothing.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7163096127458291)";

/// What there is, in order. An applied one never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "queue", include_str!("../migrations/0001_queue.up.sql")),
    (2, "store_tasks", include_str!("../migrations/0002_store_tasks.up.sql")),
    (3, "outbox", include_str!("../migrations/0003_outbox.up.sql")),
    (4, "receipts", include_str!("../migrations/0004_receipts.up.sql")),
    (5, "enqueue", include_str!("../migrations/0005_enqueue.up.sql")),
];

impl Store {
    /// Brings the tables of the queue and of the outbox up to date.
    pub(crate) async fn migrate(&self) -> Result<()> {
        // One transaction around all of it: everything or nothing, whoever else starts meanwhile.
        let mut conn = self.connect_for_migrations(DOING).await?;
        let mut tx = conn.begin().await.map_err(failed(DOING))?;
        sqlx::raw_sql(LOCK).execute(&mut *tx).await.map_err(failed(DOING))?;
        // Not `run`, whose future cannot be sent to another thread with a borrowed connection.
        migrator().run_direct(None, &mut *tx, false).await.map_err(refused)?;
        tx.commit().await.map_err(failed(DOING))?;
        // It is gone whether it says goodbye or not.
        let _ = conn.close().await;
        Ok(())
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema(SCHEMA);
    migrator.set_locking(false);
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
