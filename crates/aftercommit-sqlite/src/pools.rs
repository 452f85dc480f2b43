//! The connections to one database file: one that writes, some that read.

use std::path::Path;
use std::time::Duration;

use aftercommit_core::Result;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{failed, is_busy};

/// How many connections read at the same time.
const READERS: u32 = 4;
/// How long a connection waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to try to open a file that others are creating, and the pause between two attempts.
const OPEN_ATTEMPTS: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);
/// How long the log grows, in pages, before it is copied into the file. A queue writes the same pages
/// again and again, so a longer log copies less, and waits for the disk less often.
const CHECKPOINT_PAGES: &str = "4000";
/// To how many bytes a log is cut that a long read has let grow.
const LOG_BYTES_KEPT: &str = "67108864";
/// How many prepared statements a connection keeps: the queue's own, and room for the host's.
const STATEMENTS: usize = 256;
/// How many rows may wait between SQLite's thread and the caller; a batch should not make them take turns.
const ROW_BUFFER: usize = 512;

/// The connections of one process to one database file, shared by the queue and its host.
///
/// SQLite has one writer at a time. Two connections that write in one process make each other wait by
/// polling, for seconds under load; one that both share makes them take turns. So the host opens its
/// pools here (or in the same way) and gives them to the queue.
#[derive(Debug, Clone)]
pub struct SqlitePools {
    /// The one connection that writes. A transaction on it must begin with `BEGIN IMMEDIATE`, and must
    /// wait for nothing but the database.
    pub writer: SqlitePool,
    /// Connections that only read.
    pub readers: SqlitePool,
}

impl SqlitePools {
    /// Opens a file, or creates it, with [`options`](Self::options).
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::connect(Self::options(path)).await
    }

    /// How the queue wants its file opened: write-ahead log, every commit on the disk before it returns
    /// (`synchronous = FULL`), foreign keys on, a wait for other processes that write.
    pub fn options(path: impl AsRef<Path>) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROW_BUFFER)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_BYTES_KEPT)
    }

    /// Opens the pools with options of the host's making.
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub async fn connect(options: SqliteConnectOptions) -> Result<Self> {
        let writer = open_writer(&options).await.map_err(failed("open the database"))?;
        let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { writer, readers })
    }

    /// Closes all connections, once what is under way has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Processes that create a file together get in each other's way while it is made a database with a
/// write-ahead log, and no setting of SQLite makes them wait for that.
async fn open_writer(options: &SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    let mut attempt = 1;
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && attempt < OPEN_ATTEMPTS => attempt += 1,
            opened => return opened,
        }
        tokio::time::sleep(OPEN_PAUSE).await;
    }
}

/// Connections to a file do not go stale, and each one has its own prepared statements: no tests, no
/// ends of life.
fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
