//! What a driver's error means, and what to do about it.

use std::fmt;
use std::sync::Arc;

use aftercommit_core::{BoxError, Error};

/// Turns a driver's error into the library's: `.map_err(failed("settle tasks"))`.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Fault::from(source).while_trying_to(doing)
}

/// A row that this library did not write, or not so.
pub(crate) fn unreadable(doing: &'static str, why: impl Into<BoxError>) -> Error {
    Error::store(doing, why)
}

/// True if the same statement may succeed when it is repeated at once: another one was in its way and has gone on.
pub(crate) fn is_lost_race(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40P01" | "40001"))
}

/// True if a task was to be leased to a worker that has no row.
pub(crate) fn is_unknown_worker(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("23502")
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error()?.code()
}

enum Lasts {
    Passing,
    ForGood,
}

/// What the server cannot do just now counts as passing: nothing is wrong with the call, and a worker that gave up on it
/// would throw the outcomes of finished tasks away. So does a refused login, which others may put right at any moment.
fn judge(error: &sqlx::Error) -> (Lasts, Option<&'static str>) {
    match error {
        sqlx::Error::Database(database) => judge_code(database.code().as_deref().unwrap_or_default()),
        sqlx::Error::PoolTimedOut => {
            (Lasts::Passing, Some("no connection became free in time; more are needed (max_connections)"))
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
            (Lasts::Passing, None)
        }
        sqlx::Error::PoolClosed => (Lasts::ForGood, Some("the pool of connections was closed")),
        _ => (Lasts::ForGood, None),
    }
}

/// By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
fn judge_code(code: &str) -> (Lasts, Option<&'static str>) {
    match code {
        "42P01" | "3F000" | "42883" => (
            Lasts::ForGood,
            Some("the tables of the queue are missing or of an older version; run migrate()"),
        ),
        "42703" => (Lasts::ForGood, Some("the tables of the queue are of an older version; run migrate()")),
        "42501" => (Lasts::ForGood, Some("the database user may not use the schema aftercommit; grant it")),
        "25006" => (Lasts::Passing, Some("the database is read-only; is this a standby?")),
        "53100" => (Lasts::Passing, Some("the disk of the database is full; free some space")),
        "53300" => (Lasts::Passing, Some("the database has no connection left; raise max_connections")),
        "28000" | "28P01" => {
            (Lasts::Passing, Some("the database refuses the login; check user and password"))
        }
        "3D000" => (Lasts::Passing, Some("there is no such database; create it")),
        // Connections, resources, an operator's hand, a system fault, a lost race.
        _ => match code.get(..2) {
            Some("08" | "53" | "55" | "57" | "58" | "40") => (Lasts::Passing, None),
            _ => (Lasts::ForGood, None),
        },
    }
}

/// A driver's error with what to do about it. All who waited for the same attempt to connect get the same one.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    advice: Option<&'static str>,
    source: Arc<sqlx::Error>,
}

impl Fault {
    /// As the library's error.
    pub(crate) fn while_trying_to(self, doing: &'static str) -> Error {
        match judge(&self.source).0 {
            Lasts::Passing => Error::unavailable(doing, self),
            Lasts::ForGood => Error::store(doing, self),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(source: sqlx::Error) -> Self {
        Self { advice: judge(&source).1, source: Arc::new(source) }
    }
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
            Some(_) => Some(&*self.source),
            None => self.source.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_lasts() {
        let passes = |code| matches!(judge_code(code).0, Lasts::Passing);
        for passing in ["57P01", "57P03", "40001", "40P01", "53300", "08006", "25006", "28P01"] {
            assert!(passes(passing), "{passing}");
        }
        for lasting in ["42P01", "42501", "22021", "23505", ""] {
            assert!(!passes(lasting), "{lasting}");
        }
    }

    #[test]
    fn a_missing_table_says_what_to_do() {
        assert!(judge_code("42P01").1.is_some_and(|advice| advice.contains("run migrate()")));
    }
}
