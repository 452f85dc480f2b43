//! What the errors of the driver and of Postgres mean to us.

use crate::store::Fault;
use std::error::Error;
use std::io;

/// The meaning of a driver's error.
pub(super) fn meaning(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::PoolTimedOut => Fault::Busy,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Fault::Closed,
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Fault::NoAnswer,
        // So does the TLS library report a certificate that it does not like.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Fault::Untrusted,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => Fault::Unreachable,
        // An unreadable file with certificates is reported as a setting that is wrong.
        sqlx::Error::Tls(_) | sqlx::Error::Configuration(_) => Fault::Untrusted,
        sqlx::Error::Database(error) => error.code().map_or(Fault::Statement, |code| of_code(&code)),
        _ => Fault::Statement,
    }
}

/// The meaning of an error that has a driver's error among its causes.
pub(super) fn meaning_of_causes(error: &(dyn Error + 'static)) -> Fault {
    let causes = std::iter::successors(Some(error), |cause| (*cause).source());
    let driver = causes.into_iter().find_map(|cause| cause.downcast_ref::<sqlx::Error>());
    driver.map_or(Fault::Statement, meaning)
}

/// Whether a commit that ended like this may have happened all the same: the server was told, and did not say no.
pub(super) fn leaves_commit_open(fault: &Fault) -> bool {
    matches!(fault, Fault::Unreachable | Fault::NoAnswer)
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_code(code: &str) -> Fault {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Fault::Conflict,
        // query_canceled, lock_not_available
        "57014" | "55P03" => Fault::TooSlow,
        // idle_in_transaction_session_timeout: whoever held the transaction forgot it.
        "25P03" => Fault::TooSlow,
        // invalid_password, invalid_authorization_specification
        "28P01" | "28000" => Fault::LoginRefused,
        // invalid_catalog_name: the database is missing
        "3D000" => Fault::NoDatabase,
        // insufficient_privilege
        "42501" => Fault::Forbidden,
        // too_many_connections
        "53300" => Fault::Crowded,
        // disk_full
        "53100" => Fault::Full,
        // read_only_sql_transaction: a standby, or a server that was told to
        "25006" => Fault::ReadOnly,
        // undefined_table, undefined_column
        "42P01" | "42703" => Fault::SchemaMissing,
        // admin_shutdown, crash_shutdown, cannot_connect_now, and connections that break
        "57P01" | "57P02" | "57P03" => Fault::Unreachable,
        _ if code.starts_with("08") => Fault::Unreachable,
        // io_error; data_corrupted, index_corrupted
        "58030" => Fault::Disk,
        "XX001" | "XX002" => Fault::Damaged,
        _ => Fault::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_an_operator_would_do_about_them() {
        for (code, fault) in [
            ("40P01", Fault::Conflict),
            ("40001", Fault::Conflict),
            ("57014", Fault::TooSlow),
            ("28P01", Fault::LoginRefused),
            ("3D000", Fault::NoDatabase),
            ("57P01", Fault::Unreachable),
            ("08006", Fault::Unreachable),
            ("25006", Fault::ReadOnly),
            ("53300", Fault::Crowded),
            ("23505", Fault::Statement),
            ("nonsense", Fault::Statement),
        ] {
            assert_eq!(of_code(code), fault, "{code}");
        }
    }

    #[test]
    fn a_drivers_error_is_found_among_the_causes_of_another() {
        let cut = || sqlx::Error::Io(io::ErrorKind::UnexpectedEof.into());
        assert_eq!(meaning_of_causes(&aftercommit::Error::unavailable("enqueue", cut())), Fault::Unreachable);
        assert_eq!(meaning_of_causes(&cut()), Fault::Unreachable);
        assert_eq!(meaning_of_causes(&io::Error::other("else")), Fault::Statement);
    }

    #[test]
    fn only_a_commit_without_an_answer_is_left_open() {
        for fault in [Fault::Unreachable, Fault::NoAnswer] {
            assert!(leaves_commit_open(&fault));
        }
        for fault in [Fault::Conflict, Fault::TooSlow, Fault::Full, Fault::Statement] {
            assert!(!leaves_commit_open(&fault));
        }
    }
}
