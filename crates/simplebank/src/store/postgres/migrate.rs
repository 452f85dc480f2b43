//! The migrations of Postgres, and running them.

use super::{PostgresSource, adopt, fault, link, open};
use crate::store::migrate::Migration as Entry;
use crate::store::scripts::{Scripts, TABLE, scripts};
use crate::store::{Fault, Place, StoreError};
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::time::Duration;
use tokio::time::timeout;

pub(super) const SCRIPTS: Scripts = scripts! { "postgres":
    1 "init schema" "000001_init_schema";
    2 "add users" "000002_add_users";
    3 "add sessions" "000003_add_sessions";
    4 "add verify emails" "000004_add_verify_emails";
    5 "add role to users" "000005_add_role_to_users";
    6 "tighten users" "000006_tighten_users";
    7 "hash verify email codes" "000007_hash_verify_email_codes";
    8 "add idempotency keys" "000008_add_idempotency_keys";
};

/// Of several processes that start at once one migrates while the others wait, for as long as `lock_timeout` says here.
/// The number means nothing and is the same in every version.
const TAKE_TURNS: &str = "SET LOCAL lock_timeout = '60s';
                          SELECT pg_advisory_xact_lock(7310575183448861003)";

/// Whoever holds a table for longer is not overrun: requests would queue up behind us.
const BOUND_LOCKS: &str = "SET LOCAL lock_timeout = '10s'";

/// How long a run may take.
const RUN_MAX: Duration = Duration::from_secs(30 * 60);

pub(in crate::store) async fn up(source: &PostgresSource, steps: usize) -> Result<Vec<i64>, StoreError> {
    let mut run = Run::start(source).await?;
    let (done, target) = SCRIPTS.next(&run.applied, steps);
    run.bounded(async |connection| SCRIPTS.migrator().run_to(target, connection).await).await?;
    run.commit().await?;
    Ok(done)
}

pub(in crate::store) async fn down(source: &PostgresSource, steps: usize) -> Result<Vec<i64>, StoreError> {
    let mut run = Run::start(source).await?;
    let kept = run.applied.len().saturating_sub(steps);
    let undone = run.applied.split_off(kept);
    let target = run.applied.last().copied().unwrap_or(0);
    run.bounded(async |connection| SCRIPTS.migrator().undo(connection, target).await).await?;
    run.commit().await?;
    Ok(undone.into_iter().rev().collect())
}

pub(in crate::store) async fn status(source: &PostgresSource) -> Result<Vec<Entry>, StoreError> {
    let run = Run::start(source).await?;
    let entries = SCRIPTS.entries(&run.applied);
    run.abandon().await?;
    Ok(entries)
}

/// One look at the migrations, or one change of them: a single transaction on a connection to the server itself, of
/// which nothing is left if it breaks. The migrator's own transactions become savepoints in it.
struct Run {
    pool: PgPool,
    tx: Transaction<'static, Postgres>,
    place: Place,
    /// The numbers of the applied migrations, in order.
    applied: Vec<i64>,
}

impl Run {
    async fn start(source: &PostgresSource) -> Result<Self, StoreError> {
        let place = Place::server(source.direct());
        let pool = open::direct(source).await.map_err(link::explain(&place))?;
        let tx = link::answer(&place, source.limits.acquire, pool.begin()).await?;
        let mut run = Self { pool, tx, place, applied: Vec::new() };
        run.execute(TAKE_TURNS).await.map_err(|error| match error.fault() {
            Fault::TooSlow => StoreError::caused(&run.place, Fault::Locked, error),
            _ => error,
        })?;
        run.execute(BOUND_LOCKS).await?;
        run.applied = run.find_applied().await?;
        Ok(run)
    }

    async fn find_applied(&mut self) -> Result<Vec<i64>, StoreError> {
        let place = self.place.clone();
        let wrap = |error| explain(&place, error);
        self.tx.ensure_migrations_table(TABLE).await.map_err(wrap)?;
        let applied = self.tx.list_applied_migrations(TABLE).await.map_err(wrap)?;
        if !applied.is_empty() {
            return SCRIPTS.check(applied, &place);
        }
        adopt::adopt(&mut self.tx, &place).await
    }

    async fn bounded(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<(), MigrateError>,
    ) -> Result<(), StoreError> {
        match timeout(RUN_MAX, work(&mut self.tx)).await {
            Ok(done) => done.map_err(|error| explain(&self.place, error)),
            Err(_) => Err(StoreError::new(&self.place, Fault::NoAnswer)),
        }
    }

    async fn commit(self) -> Result<(), StoreError> {
        link::answer(&self.place, RUN_MAX, self.tx.commit()).await?;
        self.pool.close().await;
        Ok(())
    }

    async fn abandon(self) -> Result<(), StoreError> {
        link::answer(&self.place, RUN_MAX, self.tx.rollback()).await?;
        self.pool.close().await;
        Ok(())
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        link::answer(&self.place, RUN_MAX, sqlx::raw_sql(sql).execute(&mut *self.tx)).await.map(drop)
    }
}

pub(super) fn explain(place: &Place, error: MigrateError) -> StoreError {
    SCRIPTS.explain(place, fault::meaning, error)
}
