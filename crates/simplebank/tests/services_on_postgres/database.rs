//! A database on a Postgres for a test, and what a test does to it past the bank.

use crate::catalog;
use aftercommit_servers::PostgresServer;
use simplebank::store::{Source, Tx, postgres};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Error, Executor, Row, SqlSafeStr};
use std::sync::Arc;

/// Every statement of the bank's, by the file it stands in.
pub(crate) const STATEMENTS: &[(&str, &[(&str, &str)])] = postgres::STATEMENTS;

/// What an error says of a key that is taken.
pub(crate) const UNIQUE: &str = "unique constraint";
/// What an error says of a row that refers to nothing.
pub(crate) const FOREIGN_KEY: &str = "foreign key constraint";

/// A database of its own, as a rule on a server that the tests share.
pub(crate) struct Database {
    source: Source,
    pool: PgPool,
    // Behind the connections to it.
    _server: Option<Arc<PostgresServer>>,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let server = PostgresServer::shared()?;
            let url = server.database_url()?;
            anyhow::Ok((server, url))
        });
        let (server, url) = made.await.expect("no panic").expect("a Postgres for the test");
        Self { _server: Some(server), ..Self::at(url.parse().expect("an address")) }
    }

    /// One on a server that the test has started.
    pub(crate) fn at(source: Source) -> Self {
        let Source::Postgres(postgres) = &source else { panic!("{source:?} is a Postgres") };
        let server = format!("postgresql://postgres@{}", postgres.direct());
        let pool = PgPool::connect_lazy(&server).expect("an address");
        Self { source, pool, _server: None }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Connections past the bank.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.map(drop)
    }

    /// A number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await.expect("a query of the test")
    }

    /// A statement with `ZEROS(n)` and `EPOCH` in it, as this database writes them.
    pub(crate) fn in_its_words(&self, sql: &str) -> String {
        sql.replace("ZEROS(", "substring(decode(repeat('00', 64), 'hex'), 1, ").replace("EPOCH", "'epoch'")
    }

    /// A time in microseconds.
    pub(crate) fn micros(&self, column: &str) -> String {
        format!("(extract(epoch FROM {column}) * 1000000)::bigint")
    }

    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<(), Error> {
        self.pool.acquire().await?.prepare(sql.into_sql_str()).await.map(drop)
    }

    /// Everything that defines the schema, but for the table of migrations itself.
    pub(crate) async fn schema(&self) -> Vec<String> {
        catalog::schema(&self.pool).await.lines().map(str::to_owned).collect()
    }

    /// The columns of a table, with their types.
    pub(crate) async fn columns(&self, table: &str) -> Vec<(String, String)> {
        let rows = sqlx::query(
            "SELECT attname::text AS name,
                    format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS type
             FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        )
        .bind(table)
        .fetch_all(&self.pool)
        .await;
        rows.expect("a query of the test").iter().map(|row| (row.get("name"), row.get("type"))).collect()
    }

    /// Everything that is stored.
    pub(crate) async fn bytes(&self) -> Vec<u8> {
        let dump: String = sqlx::query_scalar("SELECT database_to_xml(true, false, '')::text")
            .fetch_one(&self.pool)
            .await
            .expect("a query of the test");
        dump.into_bytes()
    }

    /// Overwrites the random part of every code.
    pub(crate) async fn zero_nonces(&self) {
        let sql = "UPDATE verify_emails SET nonce = decode(repeat('00', 16), 'hex')";
        self.run(sql).await.expect("a statement of the test");
    }

    /// Inserts keys that have expired long ago.
    pub(crate) async fn insert_expired_keys(&self, count: u32) {
        let sql = format!(
            "INSERT INTO idempotency_keys (caller, method, key, key_id, fingerprint, response, created_at, expires_at)
             SELECT 'bob', 'CreateUser', 'k' || i, 'id', decode(repeat('00', 32), 'hex'), '{{}}', 'epoch',
                    timestamptz 'epoch' + i * interval '1 microsecond'
             FROM generate_series(1, {count}) AS i"
        );
        self.run(&sql).await.expect("a statement of the test");
    }
}

/// Notes a task in the transaction that asks for it.
pub(crate) async fn record(tx: &mut Tx, username: &str) -> Result<(), Error> {
    let Tx::Postgres(tx) = tx else { panic!("the test is on Postgres") };
    let insert = sqlx::query("INSERT INTO recorded_tasks (username) VALUES ($1)").bind(username);
    // Perhaps there is a pooler in between.
    insert.persistent(false).execute(&mut **tx).await.map(drop)
}
