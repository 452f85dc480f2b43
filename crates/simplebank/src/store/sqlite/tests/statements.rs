//! Every SQL constant is prepared against the migrated schema: there are no query macros that would
//! check them when the program is built.

use crate::store::sqlite::{idempotency, migrate, open, users, verify_emails};
use sqlx::{Executor, SqlSafeStr};
use tempfile::TempDir;

#[tokio::test]
async fn every_statement_prepares() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("bank.db");
    migrate::up(&path, usize::MAX).await.unwrap();
    let pools = open::open(&path, open::BUSY_TIMEOUT).await.unwrap();
    let mut connection = pools.writer.acquire().await.unwrap();

    let files = [
        ("users", users::STATEMENTS),
        ("verify_emails", verify_emails::STATEMENTS),
        ("idempotency", idempotency::STATEMENTS),
    ];
    for (file, statements) in files {
        assert!(!statements.is_empty());
        for (name, sql) in statements {
            let prepared = (&mut *connection).prepare(sql.into_sql_str()).await;
            assert!(prepared.is_ok(), "{file}::{name}: {:?}", prepared.err());
        }
    }
}
