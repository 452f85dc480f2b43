//! Fail-points: named places where a test may delay, fail or kill the process.
//!
//! A place in the code is `failpoint!("create_user.before_commit").await?`. What happens there is said once at start,
//! with the environment variable `FAILPOINTS`:
//!
//! ```text
//! FAILPOINTS="create_user.before_commit=kill;send_verify_email.after_send=2*delay(500ms)"
//! ```
//!
//! Actions are `error(text)`, `delay(duration)` and `kill` (SIGKILL to this process). `N*action` acts at the first N
//! hits only, `action@N` at the Nth hit only. All of this exists only in builds with the feature `failpoints`; in
//! others a place costs nothing and does nothing.

#[cfg(feature = "failpoints")]
mod plan;

/// Every fail-point there is. A name that is not here does not compile.
pub const POINTS: &[&str] = &[
    "start.migrated",
    "create_user.before_commit",
    "create_user.after_commit",
    "send_verify_email.start",
    "send_verify_email.before_send",
    "send_verify_email.after_send",
    "send_verify_email.before_settle",
    "relay.claimed",
    "relay.published",
    "relay.marked",
    "relay.watching",
    "relay.lost",
];

/// A failure that a test asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fail-point {point}: {text}")]
pub struct Injected {
    /// The fail-point.
    pub point: &'static str,
    /// The words of the test.
    pub text: String,
}

/// Why `FAILPOINTS` cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// This build has no fail-points; the variable must not be set.
    #[error("FAILPOINTS: this build has no fail-points")]
    NotBuilt,
    /// No point of this name.
    #[error("FAILPOINTS: no fail-point {name:?}, there are {}", POINTS.join(", "))]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// An action that cannot be read.
    #[error(
        "FAILPOINTS: {point}: expected error(text), delay(duration) or kill, with N* before it or @N after it, got \
         {action:?}"
    )]
    Action {
        /// The fail-point.
        point: &'static str,
        /// What was given.
        action: String,
    },
    /// Two actions for one point.
    #[error("FAILPOINTS: {point} is given twice")]
    Twice {
        /// The fail-point.
        point: &'static str,
    },
    /// The plan of a process does not change.
    #[error("FAILPOINTS: installed already")]
    Installed,
}

/// Marks a fail-point: a future of `Result<(), Injected>`. See [the module](mod@crate::failpoint).
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {{
        const { assert!($crate::failpoint::exists($name), "a fail-point must stand in failpoint::POINTS") };
        $crate::failpoint::hit($name)
    }};
}

/// Follows `FAILPOINTS` from now on. Called once, by the binary, before anything else; `None` and `""` mean nothing
/// is to fail.
#[cfg(feature = "failpoints")]
pub fn install(text: Option<&str>) -> Result<(), PlanError> {
    plan::install(text.unwrap_or_default())
}

/// Refuses `FAILPOINTS`: a test that relies on it must not pass because nothing failed.
#[cfg(not(feature = "failpoints"))]
pub fn install(text: Option<&str>) -> Result<(), PlanError> {
    match text {
        None | Some("") => Ok(()),
        Some(_) => Err(PlanError::NotBuilt),
    }
}

/// Does what is planned for a point; use [`failpoint!`](crate::failpoint!), which checks the name.
#[cfg(feature = "failpoints")]
pub async fn hit(point: &'static str) -> Result<(), Injected> {
    plan::hit(point).await
}

/// Does nothing; use [`failpoint!`](crate::failpoint!), which checks the name.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_: &'static str) -> std::future::Ready<Result<(), Injected>> {
    std::future::ready(Ok(()))
}

/// True if there is a fail-point of this name. Runs in the compiler.
#[doc(hidden)]
pub const fn exists(name: &str) -> bool {
    let mut at = 0;
    while at < POINTS.len() {
        if same(POINTS[at].as_bytes(), name.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

/// `==` for slices, which a constant cannot have yet.
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_exist() {
        assert!(POINTS.iter().all(|point| exists(point)));
        for name in ["", "create_user", "create_user.before_commit2", "create_user.before_commi"] {
            assert!(!exists(name), "{name}");
        }
    }

    #[tokio::test]
    async fn point_without_a_plan_does_nothing() {
        assert_eq!(failpoint!("send_verify_email.start").await, Ok(()));
    }

    #[cfg(not(feature = "failpoints"))]
    #[test]
    fn build_without_points_refuses_a_plan() {
        assert_eq!(install(Some("create_user.before_commit=kill")), Err(PlanError::NotBuilt));
        assert_eq!((install(None), install(Some(""))), (Ok(()), Ok(())));
    }
}
