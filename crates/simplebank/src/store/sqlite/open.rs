//! Opening the file: how the connections are set up, and what to say when it cannot be used.

use super::explain;
use super::fault::meaning;
use crate::store::{Fault, Place, StoreError};
use aftercommit::sqlite::SqlitePools;
use log::LevelFilter;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a statement waits for another *process* to release the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection of this process.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two attempts to open a file that another process is just creating.
const OPEN_PAUSE: Duration = Duration::from_millis(10);

/// Connections that only read. Each has a thread of its own, which is all the parallelism SQLite has.
const READERS: u32 = 4;

/// Opens the connections to the file, creating it if it does not exist, and makes sure that it can be
/// written to.
pub(super) async fn open(path: &Path, busy_timeout: Duration) -> Result<SqlitePools, StoreError> {
    let place = Place::file(path);
    check_path(path, &place)?;
    let options = options(path, busy_timeout);

    let writer = connect(1, &options, busy_timeout).await.map_err(explain(&place))?;
    // SQLite opens a file it may not write to as read-only, and reports a lock when it is first
    // needed. Better now than at the first customer.
    let probe = writer.begin_with("BEGIN IMMEDIATE").await.map_err(explain(&place))?;
    probe.rollback().await.map_err(explain(&place))?;

    let options = options.create_if_missing(false).read_only(true);
    let readers = connect(READERS, &options, busy_timeout).await.map_err(explain(&place))?;
    Ok(SqlitePools { writer, readers })
}

/// Opens a pool. Processes that create a file together get in each other's way while it is made a database with a
/// write-ahead log, and SQLite itself does not wait then.
async fn connect(size: u32, options: &SqliteConnectOptions, patience: Duration) -> sqlx::Result<SqlitePool> {
    let ends = Instant::now() + patience;
    loop {
        match pool(size).connect_with(options.clone()).await {
            Err(error) if meaning(&error) == Fault::Locked && Instant::now() < ends => {
                sleep(OPEN_PAUSE).await
            }
            opened => return opened,
        }
    }
}

/// The settings of every connection: those of the queue that shares them, so that each commit is on the
/// disk before it returns. A statement that only waits for the file says so when it gives up.
pub(super) fn options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqlitePools::options(path)
        .busy_timeout(busy_timeout)
        .log_slow_statements(LevelFilter::Warn, 2 * busy_timeout)
}

/// Finds what SQLite would only call "unable to open database file".
pub(super) fn check_path(path: &Path, place: &Place) -> Result<(), StoreError> {
    if path.is_dir() {
        return Err(StoreError::new(place, Fault::IsDirectory));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(StoreError::new(place, Fault::NoDirectory(parent.to_owned())))
        }
        _ => Ok(()),
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale: neither ping nor replace it.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_reusable(connection)))
}

/// SQLite ends a transaction by itself when the disk is full or fails; the driver's own ROLLBACK is
/// then refused and it goes on counting a transaction that no longer exists. On the only writing
/// connection that would refuse every later BEGIN, so such a connection is closed and made anew.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The rollback of a dropped transaction may still be on its way to the connection's thread.
    connection.ping().await?;
    Ok(!<SqliteConnection as Connection>::is_in_transaction(connection))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use tempfile::TempDir;

    const SHORT: Duration = Duration::from_millis(20);

    async fn refusal(path: &Path) -> String {
        let error = open(path, SHORT).await.expect_err("the file must be refused");
        error.to_string()
    }

    #[tokio::test]
    async fn a_new_file_is_created_in_wal_mode_and_every_commit_is_synced() {
        let dir = TempDir::new().unwrap();
        let pools = open(&dir.path().join("bank.db"), SHORT).await.unwrap();
        for (pragma, expected) in [
            ("SELECT journal_mode FROM pragma_journal_mode", "wal"),
            ("SELECT synchronous || '' FROM pragma_synchronous", "2"),
            ("SELECT foreign_keys || '' FROM pragma_foreign_keys", "1"),
            ("SELECT timeout || '' FROM pragma_busy_timeout", "20"),
        ] {
            let found: String = sqlx::query_scalar(pragma).fetch_one(&pools.writer).await.unwrap();
            assert_eq!(found, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let dir = TempDir::new().unwrap();
        let pools = open(&dir.path().join("bank.db"), SHORT).await.unwrap();
        let error = sqlx::query("CREATE TABLE t (n INTEGER)").execute(&pools.readers).await.unwrap_err();
        assert_eq!(super::super::fault::meaning(&error), Fault::NotWritable);
    }

    #[tokio::test]
    async fn a_missing_directory_is_named() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("missing/bank.db");
        assert_eq!(
            refusal(&path).await,
            format!(
                "database {}: directory {} does not exist; create it or change DB_SOURCE",
                path.display(),
                dir.path().join("missing").display()
            )
        );
    }

    #[tokio::test]
    async fn a_directory_is_not_a_database() {
        let dir = TempDir::new().unwrap();
        assert_eq!(
            refusal(dir.path()).await,
            format!("database {}: this is a directory; DB_SOURCE must name a file", dir.path().display())
        );
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_refused_and_left_alone() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("notes.txt");
        for text in ["hi".to_owned(), "dear diary, ".repeat(100)] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(
                refusal(&path).await,
                format!(
                    "database {}: not an SQLite database; move the file away or change DB_SOURCE",
                    path.display()
                )
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_directory_that_takes_no_files_is_not_writable() {
        // Permission bits would not stop a test that runs as root; /proc takes files from nobody.
        assert_eq!(
            refusal(Path::new("/proc/bank.db")).await,
            "database /proc/bank.db: not writable; check the owner and permissions of the file and its directory"
        );
    }

    #[tokio::test]
    async fn a_file_that_another_program_has_locked_is_called_locked() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("bank.db");
        let other = open(&path, SHORT).await.unwrap();
        let _lock = other.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        assert_eq!(
            refusal(&path).await,
            format!(
                "database {}: locked by another process; stop that process or try again later",
                path.display()
            )
        );
    }

    #[tokio::test]
    async fn many_processes_may_create_the_file_at_once() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("bank.db");
        let opened = futures_util::future::join_all((0..8).map(|_| open(&path, BUSY_TIMEOUT))).await;
        for pools in opened {
            let error = pools.err();
            assert!(error.is_none(), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_named_and_the_writer_recovers_from_it() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("bank.db");
        let pools = open(&path, SHORT).await.unwrap();
        sqlx::query("CREATE TABLE t (b BLOB)").execute(&pools.writer).await.unwrap();
        // A limit on pages gives the same error, by the same route, as a disk without room.
        sqlx::query("PRAGMA max_page_count = 4").execute(&pools.writer).await.unwrap();

        let mut tx = pools.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let error =
            sqlx::query("INSERT INTO t VALUES (zeroblob(100000))").execute(&mut *tx).await.unwrap_err();
        let error = explain(&Place::file(&path))(error);
        assert_eq!(
            error.to_string(),
            format!("database {}: disk is full; free some space, then try again", path.display())
        );
        assert!(error.source().is_some());
        drop(tx);

        let mut tx = pools.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("INSERT INTO t VALUES (zeroblob(100000))").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
