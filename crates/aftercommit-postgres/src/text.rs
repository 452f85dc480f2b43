//! Text as Postgres takes it: any, but for the character NUL.

use std::borrow::Cow;

/// What stands for a NUL.
const REPLACEMENT: &str = "\u{fffd}";

pub(crate) fn has_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

/// A text for people, such as an error's, with each NUL replaced.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if has_nul(text) { text.replace('\0', REPLACEMENT).into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_and_nothing_else() {
        assert_eq!(storable("naïve ☃"), "naïve ☃");
        assert_eq!(storable("a\0b\0"), "a\u{fffd}b\u{fffd}");
    }
}
