//! How a person asks for more trials, or for the same ones again: `KILL_RUNS` and `KILL_SEED`.

/// The number in a variable of the environment, if it is set.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to learn how it is run")]
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}
