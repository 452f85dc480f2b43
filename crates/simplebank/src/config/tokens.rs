//! The keys from which tokens and verification codes are made.

use super::keys::Key;
use super::reader::Reader;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use std::fmt;

pub(super) const KEYS: &[Key] = &[SYMMETRIC, PREVIOUS];
const SYMMETRIC: Key = Key::without_value(
    "TOKEN_SYMMETRIC_KEY",
    "made once, in `./simplebank.key`",
    "32 bytes: as 32 ASCII characters, 64 hexadecimal digits, or Base64. `openssl rand -hex 32` makes one.",
)
.secret()
.refused_in_production("missing, or a placeholder");
const PREVIOUS: Key = Key::without_value(
    "TOKEN_PREVIOUS_KEYS",
    "none",
    "Earlier keys, separated by commas: what was made with them stays valid, nothing new is made.",
)
.secret()
.refused_in_production("a placeholder");

/// The most earlier keys.
const MAX_PREVIOUS: usize = 8;
/// Keys that stand in courses and examples.
const PLACEHOLDERS: [&[u8; 32]; 2] =
    [b"12345678901234567890123456789012", b"01234567890123456789012345678901"];
/// A random key has fewer different bytes than this less than once in a billion times, even if it was typed as 32
/// hexadecimal digits.
const LEAST_DIFFERENT: usize = 6;

/// The keys of the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The key for everything new. `None`: make one and keep it in a file; never in production.
    pub current: Option<TokenKey>,
    /// Earlier keys, the latest first.
    pub previous: Vec<TokenKey>,
}

/// 32 secret bytes. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl Tokens {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let current = reader.read_optional(&SYMMETRIC, |text| TokenKey::parse(text).ok_or_else(expected));
        let previous = reader.read_optional(&PREVIOUS, list).map(Option::unwrap_or_default);
        if reader.is_production() && reader.role().needs_keys() {
            if current == Some(None) {
                reader.fault(&SYMMETRIC, format!("production needs it: {}", expected()));
            }
            let known = "is a placeholder that others know, too; `openssl rand -hex 32` makes a key";
            if current.iter().flatten().any(TokenKey::is_placeholder) {
                reader.fault(&SYMMETRIC, known);
            }
            if previous.iter().flatten().any(TokenKey::is_placeholder) {
                reader.fault(&PREVIOUS, known);
            }
        }
        Some(Self { current: current?, previous: previous? })
    }
}

impl TokenKey {
    /// Reads a key in any of its spellings; their lengths tell them apart.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = match text.len() {
            32 if text.is_ascii() => text.as_bytes().to_vec(),
            64 => hex(text)?,
            43 => STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?,
            44 => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?,
            _ => return None,
        };
        bytes.try_into().ok().map(Self)
    }

    /// The bytes. Hand them to what makes tokens, and to nothing that prints.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn is_placeholder(&self) -> bool {
        let mut bytes = self.0;
        bytes.sort_unstable();
        let different = bytes.chunk_by(|one, next| one == next).count();
        different < LEAST_DIFFERENT || PLACEHOLDERS.contains(&&self.0)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn expected() -> String {
    "32 bytes, as 32 ASCII characters, 64 hexadecimal digits or Base64".to_owned()
}

fn list(text: &str) -> Result<Vec<TokenKey>, String> {
    let keys: Option<Vec<_>> = text.split(',').map(|key| TokenKey::parse(key.trim())).collect();
    keys.filter(|keys| keys.len() <= MAX_PREVIOUS)
        .ok_or_else(|| format!("at most {MAX_PREVIOUS} keys separated by commas, each {}", expected()))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Option<Vec<u32>> = text.as_bytes().iter().map(digit).collect();
    digits?.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_read_in_every_spelling() {
        let bytes: [u8; 32] = std::array::from_fn(|at| 250_u8.wrapping_add(at as u8));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let spellings = [
            hex.to_uppercase(),
            hex,
            STANDARD.encode(bytes),
            URL_SAFE.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes),
        ];
        for text in spellings {
            assert_eq!(TokenKey::parse(&text).as_ref().map(TokenKey::expose), Some(&bytes), "{text}");
        }
        let text = "YELLOW SUBMARINE, BLACK WIZARDRY";
        assert_eq!(TokenKey::parse(text).unwrap().expose(), text.as_bytes());
    }

    #[test]
    fn other_lengths_and_alphabets_are_no_keys() {
        let hex = "ab".repeat(32);
        let bad = [
            "",
            "short",
            &hex[1..],
            &format!("{hex}0"),
            &hex.replace('a', "g"),
            &"é".repeat(16),
            &"=".repeat(44),
        ];
        for text in bad {
            assert_eq!(TokenKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn placeholders_are_recognised() {
        let placeholder = |text: &str| TokenKey::parse(text).unwrap().is_placeholder();
        assert!(placeholder("12345678901234567890123456789012"));
        assert!(placeholder(&"0".repeat(64)) && placeholder(&"ab".repeat(16)));
        assert!(!placeholder("9f86d081884c7d659a2feaa0c55ad015"));
    }

    #[test]
    fn earlier_keys_are_a_bounded_list() {
        let key = "9f86d081884c7d659a2feaa0c55ad015";
        let keys = |count: usize| list(&vec![key; count].join(", "));
        assert_eq!(keys(MAX_PREVIOUS).map(|keys| keys.len()), Ok(MAX_PREVIOUS));
        assert!(keys(MAX_PREVIOUS + 1).is_err() && list("x").is_err() && list(&format!("{key},")).is_err());
        assert_eq!(format!("{:?}", keys(1).unwrap()), "[***]");
    }
}
