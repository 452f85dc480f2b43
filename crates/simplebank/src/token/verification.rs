//! Codes that prove an e-mail address: derived, never stored.
//!
//! A code is a MAC over the row it belongs to, so whoever has the key and the row can make it again: a
//! task that runs twice sends the same code. The database holds the row and the code's hash; without
//! the key neither gives the code away.

use super::keyring::{KeyRing, Purpose};
use crate::domain::verification::SecretCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a code is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The number of the mail.
    pub id: i64,
    /// Whose address it is.
    pub username: &'a str,
    /// The address, spelled as in the row.
    pub email: &'a str,
    /// The random part.
    pub nonce: &'a [u8; 16],
}

/// The code of this row under the key of this name: 43 characters that need no escaping in a link.
/// `None` if the key has left the ring.
#[must_use]
pub fn derive(keys: &KeyRing, key_id: &str, subject: Subject<'_>) -> Option<SecretCode> {
    let parts: [&[u8]; 4] =
        [&subject.id.to_be_bytes(), subject.username.as_bytes(), subject.email.as_bytes(), subject.nonce];
    let mac = keys.mac(key_id, Purpose::VerifyEmail, &parts)?;
    Some(SecretCode::from_derived(URL_SAFE_NO_PAD.encode(mac)))
}

/// What is stored of a code.
#[must_use]
pub fn hash(code: &SecretCode) -> [u8; 32] {
    Sha256::digest(code.expose()).into()
}

/// Whether a presented code is the one that was hashed, in a time that does not tell how close it is.
#[must_use]
pub fn matches(presented: &SecretCode, stored: &[u8; 32]) -> bool {
    hash(presented).ct_eq(stored).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::keyring::Key;

    const NONCE: [u8; 16] = [7; 16];

    fn keys() -> KeyRing {
        KeyRing::new(Key::parse("12345678901234567890123456789012").unwrap(), Vec::new()).unwrap()
    }

    fn code(id: i64, username: &str, email: &str, nonce: [u8; 16]) -> String {
        let keys = keys();
        let subject = Subject { id, username, email, nonce: &nonce };
        derive(&keys, keys.current_id().as_str(), subject).unwrap().expose().to_owned()
    }

    #[test]
    fn the_same_row_gives_the_same_code_again() {
        let first = code(1, "alice", "alice@example.com", NONCE);
        assert_eq!(first, code(1, "alice", "alice@example.com", NONCE));
        assert_eq!(first.len(), 43);
        assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{first}");
        assert!(SecretCode::parse(&first).is_ok());
    }

    #[test]
    fn another_row_user_address_or_nonce_gives_another_code() {
        let codes = [
            code(1, "alice", "alice@example.com", NONCE),
            code(2, "alice", "alice@example.com", NONCE),
            code(1, "bob", "alice@example.com", NONCE),
            code(1, "alice", "bob@example.com", NONCE),
            code(1, "alicea", "lice@example.com", NONCE),
            code(1, "alice", "alice@example.com", [8; 16]),
        ];
        for (i, a) in codes.iter().enumerate() {
            assert!(codes[i + 1..].iter().all(|b| a != b), "{codes:?}");
        }
    }

    #[test]
    fn without_its_key_a_code_cannot_be_made_again() {
        let subject = Subject { id: 1, username: "alice", email: "alice@example.com", nonce: &NONCE };
        assert!(derive(&keys(), "0000000000000000", subject).is_none());
    }

    #[test]
    fn only_the_code_itself_matches_its_hash() {
        let code = SecretCode::from_derived(code(1, "alice", "alice@example.com", NONCE));
        assert!(matches(&code, &hash(&code)));
        let other = SecretCode::from_derived(code.expose().to_lowercase());
        assert!(!matches(&other, &hash(&code)));
    }
}
