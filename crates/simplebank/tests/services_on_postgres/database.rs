//! A database on a Postgres for a test, and what a test does to it past the bank.

use aftercommit_servers::PostgresServer;
use simplebank::store::{Source, Tx};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Error};
use std::sync::Arc;

/// A database of its own on a server that the tests share.
pub(crate) struct Database {
    source: Source,
    pool: PgPool,
    // Behind the connections to it.
    _server: Arc<PostgresServer>,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let server = PostgresServer::shared()?;
            let url = server.database_url()?;
            anyhow::Ok((server, url))
        });
        let (server, url) = made.await.expect("no panic").expect("a Postgres for the test");
        let pool = PgPool::connect_lazy(&url).expect("an address");
        Self { source: url.parse().expect("an address"), pool, _server: server }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Runs statements.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool).await.map(drop)
    }

    /// A number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await.expect("a query of the test")
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
    insert.execute(&mut **tx).await.map(drop)
}
