//! The database of the scenes: a file in the bank's directory.

use crate::home::Home;
use aftercommit::sqlite::SqliteOutbox;
use aftercommit::{Backlog, Outbox};

/// What tables and titles call it.
pub(crate) const NAME: &str = "SQLite";

/// A file in the bank's directory.
pub(crate) struct Database;

impl Database {
    pub(crate) fn new() -> Self {
        Self
    }

    /// What the bank has to be told about it.
    pub(crate) fn source(&self) -> String {
        "sqlite:./simplebank.db".to_owned()
    }

    /// What a query of one column finds, as others see it: what has not been committed is not there.
    pub(crate) async fn look(&self, home: &Home, query: &'static str) -> String {
        println!("$ sqlite3 simplebank.db \"{query}\"");
        let file = open(home).await;
        let found: Vec<String> = sqlx::query_scalar(query).fetch_all(&file.pools().readers).await.unwrap();
        file.pools().close().await;
        found.join("\n")
    }

    /// What waits to be published, and what is kept although it is.
    pub(crate) async fn backlog(&self, home: &Home) -> Backlog {
        let file = open(home).await;
        let backlog = file.backlog().await;
        file.pools().close().await;
        backlog.unwrap()
    }
}

async fn open(home: &Home) -> SqliteOutbox {
    SqliteOutbox::open(home.path().join("simplebank.db")).await.unwrap()
}
