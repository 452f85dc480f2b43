//! Rules that several texts share. Lengths count characters (Unicode scalar values), never bytes.

use super::violation::Fault;
use std::ops::RangeInclusive;

/// Refuses a text that is shorter or longer than `allowed` characters. Reads no further than the
/// limit, so that a huge text costs no more than a long one.
pub(super) fn check_length(text: &str, allowed: RangeInclusive<usize>) -> Result<(), Fault> {
    let (min, max) = (*allowed.start(), *allowed.end());
    if allowed.contains(&text.chars().take(max.saturating_add(1)).count()) {
        Ok(())
    } else {
        Err(Fault::new(format!("must contain from {min}-{max} characters")))
    }
}

/// Refuses NUL and every other control character: they have no place in a name or a password, and
/// they break log lines and mail headers.
pub(super) fn check_no_control(text: &str) -> Result<(), Fault> {
    if text.chars().any(char::is_control) {
        Err(Fault::new("must not contain control characters"))
    } else {
        Ok(())
    }
}
