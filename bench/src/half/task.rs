//! The payload of every measurement on Redis, the same for all peers.

use aftercommit::Task;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SendVerifyEmail {
    username: String,
    /// The moment that lateness is counted from; absent where nobody counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    at_unix_ns: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Task for SendVerifyEmail {
    const TYPE: &'static str = "task:send_verify_email";
}

impl SendVerifyEmail {
    pub(crate) fn plain() -> Self {
        Self::at(0)
    }

    /// With a moment, in nanoseconds since the Unix epoch.
    pub(super) fn at(at_unix_ns: i64) -> Self {
        Self { username: "alice10".to_owned(), at_unix_ns }
    }

    /// Milliseconds from the moment in the payload until now.
    pub(super) fn late_ms(&self) -> f64 {
        (unix_nanos() - self.at_unix_ns) as f64 / 1e6
    }
}

#[expect(clippy::disallowed_methods, reason = "a latency across processes needs the machine's clock")]
pub(super) fn unix_nanos() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
