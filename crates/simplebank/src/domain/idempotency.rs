//! The key by which a client makes a request safe to send again.

use super::violation::Fault;
use std::fmt;

const MAX_LENGTH: usize = 255;

/// A valid idempotency key: 1-255 visible ASCII characters, chosen by the client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks the text; the error says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new(format!("must contain from 1-{MAX_LENGTH} visible ASCII characters")))
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_has_1_to_255_characters() {
        for length in [0, 1, 2, 254, 255, 256, 10_000] {
            assert_eq!(
                IdempotencyKey::parse(&"k".repeat(length)).is_ok(),
                (1..=255).contains(&length),
                "{length}"
            );
        }
    }

    #[test]
    fn a_key_has_visible_ascii_only() {
        assert!(IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324~!").is_ok());
        for text in ["a b", " ", "a\t", "a\0", "a\n", "é", "a\u{7f}"] {
            assert!(IdempotencyKey::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_is_unchanged(text in any::<String>()) {
            if let Ok(key) = IdempotencyKey::parse(&text) {
                prop_assert_eq!(key.as_str(), &text);
            }
        }
    }
}
