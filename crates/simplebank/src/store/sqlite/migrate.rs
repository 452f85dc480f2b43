//! The migrations of SQLite, and running them.

use super::{explain, fault, open};
use crate::store::migrate::Migration as Entry;
use crate::store::scripts::{Scripts, TABLE, scripts};
use crate::store::{Fault, Place, StoreError};
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::Path;

const SCRIPTS: Scripts = scripts! { "sqlite":
    1 "init schema" "000001_init_schema";
    2 "add users" "000002_add_users";
    3 "add sessions" "000003_add_sessions";
    4 "add verify emails" "000004_add_verify_emails";
    5 "add role to users" "000005_add_role_to_users";
    6 "tighten users" "000006_tighten_users";
    7 "hash verify email codes" "000007_hash_verify_email_codes";
    8 "add idempotency keys" "000008_add_idempotency_keys";
};

pub(in crate::store) async fn up(path: &Path, steps: usize) -> Result<Vec<i64>, StoreError> {
    let mut run = Run::start(path, Missing::Create).await?;
    let (done, target) = SCRIPTS.next(&run.applied, steps);
    let running = SCRIPTS.migrator().run_to(target, &mut *run.tx).await;
    running.map_err(|error| explain_migration(&run.place, error))?;
    run.commit().await?;
    Ok(done)
}

pub(in crate::store) async fn down(path: &Path, steps: usize) -> Result<Vec<i64>, StoreError> {
    let mut run = Run::start(path, Missing::Refuse).await?;
    let kept = run.applied.len().saturating_sub(steps);
    let undone = run.applied.split_off(kept);
    let target = run.applied.last().copied().unwrap_or(0);
    let undoing = SCRIPTS.migrator().undo(&mut *run.tx, target).await;
    undoing.map_err(|error| explain_migration(&run.place, error))?;
    run.commit().await?;
    Ok(undone.into_iter().rev().collect())
}

pub(in crate::store) async fn status(path: &Path) -> Result<Vec<Entry>, StoreError> {
    let run = Run::start(path, Missing::Refuse).await?;
    let entries = SCRIPTS.entries(&run.applied);
    run.abandon().await?;
    Ok(entries)
}

/// What to do when there is no file.
enum Missing {
    Create,
    Refuse,
}

/// One look at the migrations, or one change of them: a single transaction, whose lock makes a second
/// process wait for the first. The migrator's own transactions become savepoints in it.
struct Run {
    pool: SqlitePool,
    tx: Transaction<'static, Sqlite>,
    place: Place,
    /// The numbers of the applied migrations, in order.
    applied: Vec<i64>,
}

impl Run {
    /// Opens a connection of its own, on which foreign keys are not enforced: SQLite can only change a
    /// table by making it anew, and dropping the old one would be refused while others refer to it.
    /// [`Run::commit`] checks them instead.
    async fn start(path: &Path, missing: Missing) -> Result<Self, StoreError> {
        let place = Place::file(path);
        open::check_path(path, &place)?;
        let create = match missing {
            Missing::Create => true,
            Missing::Refuse if path.exists() => false,
            Missing::Refuse => return Err(StoreError::new(&place, Fault::NoFile)),
        };
        let options = open::options(path, open::BUSY_TIMEOUT).foreign_keys(false).create_if_missing(create);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(explain(&place))?;
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(explain(&place))?;
        let applied = applied(&mut tx, &place).await?;
        Ok(Self { pool, tx, place, applied })
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        let wrap = explain(&self.place);
        let dangling: i64 = sqlx::query_scalar("SELECT count(*) FROM pragma_foreign_key_check")
            .fetch_one(&mut *self.tx)
            .await
            .map_err(&wrap)?;
        if dangling > 0 {
            return Err(StoreError::new(&self.place, Fault::DanglingRows(dangling)));
        }
        self.tx.commit().await.map_err(&wrap)?;
        self.pool.close().await;
        Ok(())
    }

    async fn abandon(self) -> Result<(), StoreError> {
        self.tx.rollback().await.map_err(explain(&self.place))?;
        self.pool.close().await;
        Ok(())
    }
}

/// The numbers of the applied migrations, in order. Refuses a database from a later version.
async fn applied(connection: &mut SqliteConnection, place: &Place) -> Result<Vec<i64>, StoreError> {
    let wrap = |error| explain_migration(place, error);
    connection.ensure_migrations_table(TABLE).await.map_err(wrap)?;
    SCRIPTS.check(connection.list_applied_migrations(TABLE).await.map_err(wrap)?, place)
}

fn explain_migration(place: &Place, error: MigrateError) -> StoreError {
    SCRIPTS.explain(place, fault::meaning, error)
}
