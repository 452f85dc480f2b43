//! What a driver's error means, and what to do about it.

use std::fmt;

use aftercommit_core::{BoxError, Error};

/// Primary result codes of SQLite; an extended code has the primary one in its lowest byte.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const PROTOCOL: i32 = 15;
    pub(super) const SCHEMA: i32 = 17;
    pub(super) const NOTADB: i32 = 26;
}

/// Turns a driver's error into the library's: `.map_err(failed("settle tasks"))`.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| {
        let (lasts, advice) = judge(&source);
        let source = Fault { advice, source };
        match lasts {
            Lasts::Passing => Error::unavailable(doing, source),
            Lasts::ForGood => Error::store(doing, source),
        }
    }
}

/// A row that this library did not write, or not so.
pub(crate) fn unreadable(doing: &'static str, why: impl Into<BoxError>) -> Error {
    Error::store(doing, why)
}

/// True if a worker that is not known took tasks: the one column that may then be empty is.
pub(crate) fn is_unknown_worker(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.kind() == sqlx::error::ErrorKind::NotNullViolation
            && error.message().ends_with("aftercommit_tasks.worker")
    })
}

/// True if another connection has what this one wants, and did not give it up in time.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| code == code::BUSY)
}

/// What SQLite calls the error, if it is one of SQLite's.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    Some(error.as_database_error()?.code()?.parse::<i32>().ok()? & 0xff)
}

enum Lasts {
    Passing,
    ForGood,
}

/// A full disk counts as passing: nothing is wrong with the call, others may free space at any moment,
/// and a worker that gave up on it would throw the outcomes of finished tasks away.
fn judge(error: &sqlx::Error) -> (Lasts, Option<&'static str>) {
    match error {
        sqlx::Error::Database(database) => {
            judge_code(primary_code(error).unwrap_or(code::ERROR), database.message())
        }
        sqlx::Error::PoolTimedOut => {
            (Lasts::Passing, Some("no connection became free in time; does a transaction stay open?"))
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => (Lasts::Passing, None),
        sqlx::Error::PoolClosed => (Lasts::ForGood, Some("the pool of connections was closed")),
        _ => (Lasts::ForGood, None),
    }
}

fn judge_code(code: i32, message: &str) -> (Lasts, Option<&'static str>) {
    match code {
        code::BUSY | code::LOCKED => {
            (Lasts::Passing, Some("another connection writes; transactions that write must begin IMMEDIATE"))
        }
        code::FULL => (Lasts::Passing, Some("the disk is full; free some space")),
        code::CANTOPEN => (Lasts::Passing, Some("the file cannot be opened; does its directory exist?")),
        code::NOMEM | code::INTERRUPT | code::IOERR | code::PROTOCOL | code::SCHEMA => (Lasts::Passing, None),
        code::READONLY => (Lasts::ForGood, Some("the file or its directory may not be written to")),
        code::CORRUPT => (Lasts::ForGood, Some("the file is damaged; restore it from a backup")),
        code::NOTADB => (Lasts::ForGood, Some("the file is no SQLite database")),
        code::ERROR if message.contains("no such table: aftercommit_") => {
            (Lasts::ForGood, Some("the tables of the queue are missing; run migrate()"))
        }
        code::ERROR if message.contains("no such column") => {
            (Lasts::ForGood, Some("the tables of the queue are of an older version; run migrate()"))
        }
        _ => (Lasts::ForGood, None),
    }
}

/// A driver's error with what to do about it.
#[derive(Debug)]
struct Fault {
    advice: Option<&'static str>,
    source: sqlx::Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.advice {
            Some(advice) => f.write_str(advice),
            None => write!(f, "{}", self.source),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.advice {
            Some(_) => Some(&self.source),
            None => self.source.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transient(code: i32, message: &str) -> bool {
        matches!(judge_code(code & 0xff, message).0, Lasts::Passing)
    }

    #[test]
    fn what_may_pass_is_told_from_what_lasts() {
        for passing in [5, 517, 6, 262, 10, 778, 13, 14] {
            assert!(transient(passing, ""), "{passing}");
        }
        for lasting in [1, 8, 11, 26, 2067] {
            assert!(!transient(lasting, ""), "{lasting}");
        }
    }

    #[test]
    fn a_missing_table_says_what_to_do() {
        let (_, advice) = judge_code(1, "no such table: aftercommit_tasks");
        assert!(advice.is_some_and(|advice| advice.contains("run migrate()")));
        assert_eq!(judge_code(1, "no such table: users").1, None);
    }
}
