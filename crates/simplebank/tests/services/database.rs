//! An SQLite file for a test, and what a test does to it past the bank.

use simplebank::store::{Source, Tx, sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, Error, Executor, Row, SqlSafeStr};
use std::path::PathBuf;
use tempfile::TempDir;

/// Every statement of the bank's, by the file it stands in.
pub(crate) const STATEMENTS: &[(&str, &[(&str, &str)])] = sqlite::STATEMENTS;

/// What an error says of a key that is taken.
pub(crate) const UNIQUE: &str = "UNIQUE";
/// What an error says of a row that refers to nothing.
pub(crate) const FOREIGN_KEY: &str = "FOREIGN KEY";

/// A file in a directory of its own.
pub(crate) struct Database {
    source: Source,
    pool: SqlitePool,
    dir: TempDir,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let dir = TempDir::new().expect("a directory for the test");
        let path = dir.path().join("bank.db");
        let pool = SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(&path));
        Self { source: Source::Sqlite(path), pool, dir }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether somebody has created it.
    pub(crate) fn exists(&self) -> bool {
        self.dir.path().join("bank.db").exists()
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
        sql.replace("ZEROS(", "zeroblob(").replace("EPOCH", "0")
    }

    /// A time in microseconds.
    pub(crate) fn micros(&self, column: &str) -> String {
        column.to_owned()
    }

    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<(), Error> {
        self.pool.acquire().await?.prepare(sql.into_sql_str()).await.map(drop)
    }

    /// Everything that defines the schema, but for the table of migrations itself.
    pub(crate) async fn schema(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT type || ' ' || name || ' ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema
             WHERE tbl_name <> '_simplebank_migrations' AND name <> 'sqlite_sequence' ORDER BY 1",
        )
        .fetch_all(&self.pool)
        .await
        .expect("a query of the test")
    }

    /// The columns of a table, with their types.
    pub(crate) async fn columns(&self, table: &str) -> Vec<(String, String)> {
        let rows = sqlx::query(
            "SELECT name, type || iif(\"notnull\", ' NOT NULL', '') AS type FROM pragma_table_info(?1)",
        )
        .bind(table)
        .fetch_all(&self.pool)
        .await;
        rows.expect("a query of the test").iter().map(|row| (row.get("name"), row.get("type"))).collect()
    }

    /// Every byte that is stored.
    pub(crate) async fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).expect("the directory of the test");
        let paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        paths.iter().flat_map(|path| std::fs::read(path).expect("a readable file")).collect()
    }

    /// Overwrites the random part of every code.
    pub(crate) async fn zero_nonces(&self) {
        self.run("UPDATE verify_emails SET nonce = zeroblob(16)").await.expect("a statement of the test");
    }

    /// Inserts keys that have expired long ago.
    pub(crate) async fn insert_expired_keys(&self, count: u32) {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO idempotency_keys (caller, method, key, key_id, fingerprint, response, created_at, expires_at)
             SELECT 'bob', 'CreateUser', 'k' || i, 'id', zeroblob(32), '{{}}', 0, i FROM n"
        );
        self.run(&sql).await.expect("a statement of the test");
    }
}

/// Notes a task in the transaction that asks for it.
pub(crate) async fn record(tx: &mut Tx, username: &str) -> Result<(), Error> {
    let Tx::Sqlite(tx) = tx else { panic!("the test is on SQLite") };
    let insert = sqlx::query("INSERT INTO recorded_tasks (username) VALUES (?1)").bind(username);
    insert.execute(&mut **tx).await.map(drop)
}
