//! The database of the scenes: the one place that says which it is.

use crate::home::Home;
use aftercommit::Outbox;
use aftercommit::sqlite::SqliteOutbox;

/// What the scenes are played on.
pub(crate) const DATABASE: Database = Database::Sqlite;

/// A kind of database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Database {
    /// A file in the bank's directory.
    Sqlite,
}

impl Database {
    /// What the bank has to be told about it.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite:./simplebank.db",
        }
    }

    /// Whether there is a user of this name, as others see it: what has not been committed is not there.
    pub(crate) async fn has_user(self, home: &Home, username: &str) -> bool {
        match self {
            Self::Sqlite => {
                let file = open(home).await;
                let found = sqlx::query_scalar("SELECT count(*) FROM users WHERE username = ?1")
                    .bind(username)
                    .fetch_one(&file.pools().readers)
                    .await;
                file.pools().close().await;
                found.unwrap_or(0) == 1
            }
        }
    }

    /// How many committed tasks wait to be published.
    pub(crate) async fn unpublished(self, home: &Home) -> u64 {
        match self {
            Self::Sqlite => {
                let file = open(home).await;
                let backlog = file.backlog().await;
                file.pools().close().await;
                let backlog = backlog.unwrap();
                backlog.waiting + backlog.buried
            }
        }
    }
}

async fn open(home: &Home) -> SqliteOutbox {
    SqliteOutbox::open(home.path().join("simplebank.db")).await.unwrap()
}
