//! What the error codes of SQLite mean to us.

use crate::store::Fault;

/// The meaning of a driver's error.
pub(super) fn meaning(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::PoolTimedOut => Fault::Busy,
        sqlx::Error::PoolClosed => Fault::Closed,
        sqlx::Error::Database(error) => error.code().map_or(Fault::Statement, |code| of_code(&code)),
        _ => Fault::Statement,
    }
}

/// The low byte of a code is its kind, the rest says more than we need
/// (<https://www.sqlite.org/rescode.html>).
fn of_code(code: &str) -> Fault {
    match code.parse::<u32>().map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED
        Ok(5 | 6) => Fault::Locked,
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN
        Ok(3 | 8 | 14) => Fault::NotWritable,
        // SQLITE_IOERR
        Ok(10) => Fault::Disk,
        // SQLITE_CORRUPT
        Ok(11) => Fault::Damaged,
        // SQLITE_FULL
        Ok(13) => Fault::Full,
        // SQLITE_NOTADB
        Ok(26) => Fault::NotADatabase,
        _ => Fault::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_mean_what_their_kind_means() {
        for (code, fault) in [
            ("5", Fault::Locked),
            ("261", Fault::Locked),
            ("8", Fault::NotWritable),
            ("1032", Fault::NotWritable),
            ("14", Fault::NotWritable),
            ("13", Fault::Full),
            ("778", Fault::Disk),
            ("11", Fault::Damaged),
            ("26", Fault::NotADatabase),
            ("2067", Fault::Statement),
            ("nonsense", Fault::Statement),
        ] {
            assert_eq!(of_code(code), fault, "{code}");
        }
    }
}
