//! Passwords as they are typed, and hashes as they are stored.

use super::text::{check_length, check_no_control};
use super::violation::Fault;
use crate::secret::Secret;
use std::fmt;
use std::ops::RangeInclusive;

const LENGTH: RangeInclusive<usize> = 6..=100;

/// A valid password: 6-100 characters, no control characters. At most 100 characters are at most
/// 400 bytes of UTF-8, so that the hash, which reads bytes, has a bound too and none is cut off.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    /// The most bytes a valid password can have.
    pub const MAX_BYTES: usize = 4 * *LENGTH.end();

    /// Checks the text; the error says which rule it breaks.
    pub fn parse(text: &Secret) -> Result<Self, Fault> {
        check_length(text.expose(), LENGTH)?;
        check_no_control(text.expose())?;
        Ok(Self(text.clone()))
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// A password hash in the PHC string format (`$argon2id$v=19$...`). Redacted in `Debug`: it is what
/// an attacker would take home to guess at leisure.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as it came from the hasher or from the database.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The hash as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password hash]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Vec<u8>, String> {
        Password::parse(&Secret::new(text))
            .map(|password| password.as_bytes().to_vec())
            .map_err(|fault| fault.description().to_owned())
    }

    #[test]
    fn a_password_has_6_to_100_characters_whatever_their_bytes() {
        for letter in ["a", "é", "王", "🦀"] {
            for length in 0..=401 {
                let text = letter.repeat(length);
                let expected = if (6..=100).contains(&length) {
                    Ok(text.clone().into_bytes())
                } else {
                    Err("must contain from 6-100 characters".to_owned())
                };
                assert_eq!(parse(&text), expected, "{length} times {letter}");
            }
        }
    }

    #[test]
    fn the_longest_password_fills_the_byte_bound() {
        assert_eq!(parse(&"🦀".repeat(100)).map(|bytes| bytes.len()), Ok(Password::MAX_BYTES));
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["secret\0", "sec\nret", "secret\u{7f}", "secret\u{9b}"] {
            assert_eq!(parse(text), Err("must not contain control characters".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn neither_password_nor_hash_is_printed() {
        let password = Password::parse(&Secret::new("secret123")).unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
        assert_eq!(format!("{:?}", PasswordHash::from_stored("$argon2id$x".into())), "[password hash]");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_an_accepted_one_is_hashed_whole(text in any::<String>()) {
            if let Ok(bytes) = parse(&text) {
                prop_assert_eq!(&bytes, text.as_bytes());
                prop_assert!(bytes.len() <= Password::MAX_BYTES);
            }
        }
    }
}
