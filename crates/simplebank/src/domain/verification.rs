//! What proves that an address belongs to a user: the number of the mail, and the code inside it.

use super::text::{check_length, check_no_control};
use super::violation::Fault;
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

const CODE_LENGTH: RangeInclusive<usize> = 32..=128;

/// The number of a verification mail; positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailId(i64);

impl EmailId {
    /// Checks the number; the error says which rule it breaks.
    pub fn parse(number: i64) -> Result<Self, Fault> {
        if number > 0 { Ok(Self(number)) } else { Err(Fault::new("must be a positive integer")) }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A verification code. Redacted in `Debug`: whoever has it, verifies the address.
#[derive(Clone)]
pub struct SecretCode(Zeroizing<String>);

impl SecretCode {
    /// Checks a code that a client presents: 32-128 characters, no control characters. Only the shape;
    /// a well-formed code may still be wrong. The error says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check_length(text, CODE_LENGTH)?;
        check_no_control(text)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn from_derived(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The code as it stands in the link.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mail_number_is_positive() {
        for (number, valid) in [(i64::MIN, false), (-1, false), (0, false), (1, true), (i64::MAX, true)] {
            assert_eq!(EmailId::parse(number).map(EmailId::get).ok(), valid.then_some(number));
        }
        assert_eq!(EmailId::parse(0).unwrap_err().description(), "must be a positive integer");
    }

    #[test]
    fn a_code_has_32_to_128_characters() {
        for length in 0..=300 {
            let fault = SecretCode::parse(&"c".repeat(length)).err();
            let expected = (!(32..=128).contains(&length)).then_some("must contain from 32-128 characters");
            assert_eq!(fault.as_ref().map(Fault::description), expected, "length {length}");
        }
    }

    #[test]
    fn a_code_has_no_control_characters_and_is_not_printed() {
        assert!(SecretCode::parse(&format!("{}\0", "c".repeat(40))).is_err());
        assert_eq!(format!("{:?}", SecretCode::parse(&"c".repeat(43)).unwrap()), "[redacted]");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), number in any::<i64>()) {
            if let Ok(code) = SecretCode::parse(&text) {
                prop_assert_eq!(code.expose(), text);
            }
            prop_assert_eq!(EmailId::parse(number).is_ok(), number > 0);
        }
    }
}
