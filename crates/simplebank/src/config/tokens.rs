//! The keys from which tokens and verification codes are made.

use super::keys::Key;
use super::reader::Reader;
use crate::token::keyring::{self, MAX_PREVIOUS_KEYS};

pub(super) const KEYS: &[Key] = &[SYMMETRIC, PREVIOUS];
const SYMMETRIC: Key = Key::without_value(
    "TOKEN_SYMMETRIC_KEY",
    "made once, in `./simplebank.key`",
    "32 bytes: as 32 ASCII characters or 64 hexadecimal digits. `openssl rand -hex 32` makes one.",
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

/// The keys of the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The key for everything new. `None`: make one and keep it in a file; never in production.
    pub current: Option<keyring::Key>,
    /// Earlier keys, the latest first; at most [`MAX_PREVIOUS_KEYS`].
    pub previous: Vec<keyring::Key>,
}

impl Tokens {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let current =
            reader.read_optional(&SYMMETRIC, |text| keyring::Key::parse(text).map_err(|_| expected()));
        let previous = reader.read_optional(&PREVIOUS, list).map(Option::unwrap_or_default);
        if reader.is_production() && reader.role().needs_keys() {
            if current == Some(None) {
                reader.fault(&SYMMETRIC, format!("production needs it: {}", expected()));
            }
            let known = "is a placeholder that others know, too; `openssl rand -hex 32` makes a key";
            if current.iter().flatten().any(keyring::Key::is_placeholder) {
                reader.fault(&SYMMETRIC, known);
            }
            if previous.iter().flatten().any(keyring::Key::is_placeholder) {
                reader.fault(&PREVIOUS, known);
            }
        }
        Some(Self { current: current?, previous: previous? })
    }
}

fn expected() -> String {
    "32 bytes, as 32 ASCII characters or 64 hexadecimal digits".to_owned()
}

fn list(text: &str) -> Result<Vec<keyring::Key>, String> {
    let keys: Result<Vec<_>, _> = text.split(',').map(|key| keyring::Key::parse(key.trim())).collect();
    keys.ok()
        .filter(|keys| keys.len() <= MAX_PREVIOUS_KEYS)
        .ok_or_else(|| format!("at most {MAX_PREVIOUS_KEYS} keys separated by commas, each {}", expected()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_keys_are_a_bounded_list() {
        let key = "9f86d081884c7d659a2feaa0c55ad015";
        let keys = |count: usize| list(&vec![key; count].join(", "));
        assert_eq!(keys(MAX_PREVIOUS_KEYS).map(|keys| keys.len()), Ok(MAX_PREVIOUS_KEYS));
        assert!(keys(MAX_PREVIOUS_KEYS + 1).is_err() && list("x").is_err());
        assert!(list(&format!("{key},")).is_err());
    }
}
