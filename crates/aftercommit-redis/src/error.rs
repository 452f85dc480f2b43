//! What went wrong between us and Redis, in words that [`aftercommit_core::Error`] knows.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::Error;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// A fault that may concern many calls at once, and so can be copied.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    /// Redis answered with an error, or the connection broke.
    #[error(transparent)]
    Call(#[from] RedisError),
    #[error("cannot connect to redis at {to}")]
    Connect { to: Arc<str>, source: RedisError },
    #[error("cannot agree on TLS with redis at {to}")]
    Tls { to: Arc<str>, source: Arc<io::Error> },
    #[error("redis at {to} does not let user {user} in")]
    LogIn { to: Arc<str>, user: String, source: RedisError },
    #[error("redis at {to} is a replica, which takes no writes")]
    Replica { to: Arc<str> },
    #[error("not connected to redis at {to} within {after:?}")]
    Waited { to: Arc<str>, after: Duration },
}

impl Fault {
    /// The fault as an error of the library. `doing` is an infinitive, as in "enqueue tasks".
    pub(crate) fn while_trying_to(self, doing: &'static str) -> Error {
        if self.is_transient() { Error::unavailable(doing, self) } else { Error::store(doing, self) }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) | Self::Connect { source: error, .. } => is_transient(error),
            // No connection at all, for whatever reason: no call and no task is to blame. An operator may put the password
            // or the certificate right at any moment, and whoever keeps trying must have kept what it has.
            Self::Tls { .. } | Self::LogIn { .. } | Self::Replica { .. } | Self::Waited { .. } => true,
        }
    }
}

/// What Redis says when it cannot do now what it may do later.
const PASSING: &[&str] =
    &["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN"];

fn is_transient(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel => true,
        // The slots moved, nothing was done, and the driver learns the new places meanwhile.
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => true,
        // What cannot be parsed broke the connection; the next one is sound.
        ErrorKind::Parse => error.is_unrecoverable_error(),
        _ => is_passing(error),
    }
}

/// True if Redis has answered that it cannot do now what it may do later.
pub(crate) fn is_passing(error: &RedisError) -> bool {
    answered(error, PASSING)
}

/// True if Redis refused to write because it is a replica.
pub(crate) fn is_read_only(error: &RedisError) -> bool {
    answered(error, &["READONLY"])
}

/// True if Redis does not know a script.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    answered(error, &["NOSCRIPT"])
}

/// True if the log-in was refused, or is needed.
pub(crate) fn is_log_in(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed || answered(error, &["NOAUTH", "WRONGPASS"])
}

/// True if the server does not speak RESP3.
pub(crate) fn is_unknown_protocol(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || answered(error, &["NOPROTO"])
        || (answered(error, &["ERR"])
            && error.detail().is_some_and(|detail| detail.contains("unknown command")))
}

/// Whether Redis answered with one of these codes, directly or from within a script. Before version 7 a script's error
/// hides the code of its command: `ERR Error running script (..): @user_script:1: -OOM command not allowed ..`.
fn answered(error: &RedisError, codes: &[&str]) -> bool {
    let Some(code) = error.code() else { return false };
    let within = |detail: &str| codes.iter().any(|code| detail.contains(&format!(": -{code} ")));
    codes.contains(&code) || (code == "ERR" && error.detail().is_some_and(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(line: &str) -> Error {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let redis::Value::ServerError(error) = value else { panic!("{value:?}") };
        Fault::Call(error.into()).while_trying_to("enqueue tasks")
    }

    #[test]
    fn what_may_pass_is_transient() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script",
            "READONLY You can't write against a read only replica.",
            "MASTERDOWN Link with MASTER is down",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN The cluster is down",
            "NOREPLICAS Not enough good replicas to write.",
            "OOM command not allowed when used memory > 'maxmemory'. script: ab, on @user_script:1.",
            "MISCONF Redis is configured to save RDB snapshots",
            "MOVED 3999 127.0.0.1:6381",
            "ERR Error running script (call to f_1): @user_script:3: -OOM command not allowed when",
        ] {
            assert!(error_of(line).is_transient(), "{line}");
        }
        let lost = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(Fault::Call(lost).while_trying_to("enqueue tasks").is_transient());
    }

    #[test]
    fn what_stays_is_not() {
        for line in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "NOAUTH Authentication required.",
            "NOPERM this user has no permissions to run the 'eval' command",
            "ERR Error compiling script (new function): user_script:1: '=' expected",
            "ERR user_script:1: attempt to index a nil value script: ab, on @user_script:1.",
            "CROSSSLOT Keys in request don't hash to the same slot",
        ] {
            let error = error_of(line);
            assert!(!error.is_transient(), "{line}");
            assert_eq!(error.to_string(), "failed to enqueue tasks");
        }
    }
}
