//! The keys the bank signs with: one that makes new things, and earlier ones that are still honoured.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// How many earlier keys may be kept. Each is a way in; a longer list is a rotation that never ends.
pub const MAX_PREVIOUS_KEYS: usize = 8;

/// Keys that stand in courses and examples.
const PLACEHOLDERS: [&[u8; KEY_BYTES]; 2] =
    [b"12345678901234567890123456789012", b"01234567890123456789012345678901"];
/// A random key has fewer different bytes than this less than once in a billion times, even if it was typed as 32
/// hexadecimal digits.
const LEAST_DIFFERENT: usize = 6;

const ID_BYTES: usize = 8;
const ID_LABEL: &[u8] = b"key-id";

/// Why a text is not a key, or keys do not make a ring. Never contains a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has another form.
    #[error("must be 32 ASCII characters or 64 hexadecimal digits")]
    Malformed,
    /// There are too many earlier keys.
    #[error("must list at most {MAX_PREVIOUS_KEYS} keys")]
    TooMany,
}

/// The name of a key: safe to store and to print, and says nothing about the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The name as text: 16 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key is used for. Each purpose has a key of its own, derived from the one in the ring, so that
/// what is made for one purpose never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Codes that prove an e-mail address.
    VerifyEmail,
    /// Fingerprints of requests with an idempotency key.
    Idempotency,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::VerifyEmail => b"verify-email",
            Self::Idempotency => b"idempotency",
        }
    }
}

/// One key. Printed as its id.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// Reads a key as it stands in `TOKEN_SYMMETRIC_KEY`: 64 hexadecimal digits are 32 bytes; exactly 32
    /// visible ASCII characters are those bytes themselves.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if text.len() == KEY_BYTES && text.bytes().all(|b| b.is_ascii_graphic()) {
            bytes.copy_from_slice(text.as_bytes());
        } else {
            hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| KeyError::Malformed)?;
        }
        Ok(Self::from_bytes(bytes))
    }

    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut id = [0; ID_BYTES];
        expand(&bytes, ID_LABEL, &mut id);
        Self { id: KeyId(hex::encode(id)), bytes }
    }

    /// Whether the key stands in courses and examples, or was plainly not made at random.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        let mut bytes = Zeroizing::new(*self.bytes);
        bytes.sort_unstable();
        let different = bytes.chunk_by(|one, next| one == next).count();
        different < LEAST_DIFFERENT || PLACEHOLDERS.contains(&&*self.bytes)
    }

    /// The name of this key.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The key as 64 hexadecimal digits, for the one place that writes it down.
    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes.as_slice()))
    }
}

/// Keys are equal if their names are; comparing those leaks nothing.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.id.0).finish()
    }
}

/// The present key and the earlier ones. Cheap enough to clone at start; share it afterwards.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: Key,
    previous: Vec<Key>,
}

impl KeyRing {
    /// A ring that makes new things with `current` and still honours what `previous` made.
    pub fn new(current: Key, previous: Vec<Key>) -> Result<Self, KeyError> {
        if previous.len() > MAX_PREVIOUS_KEYS {
            return Err(KeyError::TooMany);
        }
        Ok(Self { current, previous })
    }

    /// The name of the key that makes new things.
    #[must_use]
    pub fn current_id(&self) -> &KeyId {
        self.current.id()
    }

    /// HMAC-SHA-256 over `parts` with the key of this name, derived for this purpose. `None` if the key
    /// has left the ring. Each part is preceded by its length, so that no two lists of parts are the
    /// same bytes.
    #[must_use]
    pub fn mac(&self, key_id: &str, purpose: Purpose, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let key = std::iter::once(&self.current).chain(&self.previous).find(|key| key.id.0 == key_id)?;
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        expand(&key.bytes, purpose.label(), derived.as_mut_slice());
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(derived.as_slice())
            .expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

fn expand(key: &[u8; KEY_BYTES], label: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, key)
        .expand(label, out)
        .expect("HKDF-SHA-256 gives up to 8160 bytes, and at most 32 are asked for");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "12345678901234567890123456789012";
    const B: &str = "abcdefghijklmnopqrstuvwxyz,.-_#+";

    fn ring(current: &str, previous: &str) -> KeyRing {
        let previous =
            previous.split(',').filter(|text| !text.is_empty()).map(|text| Key::parse(text).unwrap());
        KeyRing::new(Key::parse(current).unwrap(), previous.collect()).unwrap()
    }

    #[test]
    fn a_key_is_32_characters_or_64_digits() {
        let hex = hex::encode(A);
        assert_eq!(Key::parse(A).unwrap().id(), Key::parse(&hex).unwrap().id());
        assert_eq!(Key::parse(&hex.to_uppercase()).unwrap().id(), Key::parse(A).unwrap().id());
        let (short, long) = (&A[1..], format!("{A}1"));
        let umlauts = "ä".repeat(16);
        let blank = " ".repeat(32);
        for text in ["", short, &long, &umlauts, &blank, &hex[2..], &hex.replace('3', "g")] {
            assert_eq!(Key::parse(text).unwrap_err(), KeyError::Malformed, "{text:?}");
        }
    }

    #[test]
    fn a_ring_remembers_a_bounded_number_of_keys() {
        let ring = |n| KeyRing::new(Key::parse(A).unwrap(), vec![Key::parse(B).unwrap(); n]);
        assert!(ring(MAX_PREVIOUS_KEYS).is_ok());
        assert_eq!(ring(MAX_PREVIOUS_KEYS + 1).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn placeholders_are_recognised() {
        let placeholder = |text: &str| Key::parse(text).unwrap().is_placeholder();
        assert!(placeholder("12345678901234567890123456789012"));
        assert!(placeholder(&"0".repeat(64)) && placeholder(&"ab".repeat(16)));
        assert!(!placeholder("9f86d081884c7d659a2feaa0c55ad015"));
    }

    #[test]
    fn keys_are_printed_by_their_id_only() {
        let ring = ring(A, &hex::encode(B));
        let printed = format!("{ring:?}");
        assert!(printed.contains(ring.current_id().as_str()), "{printed}");
        assert!(!printed.contains("1234567890") && !printed.contains("abcdef"), "{printed}");
        assert!(!printed.contains(&hex::encode(A)[..16]), "{printed}");
    }

    #[test]
    fn an_earlier_key_is_honoured_after_a_rotation_and_a_dropped_one_is_not() {
        let before = ring(A, "");
        let id = before.current_id().as_str().to_owned();
        let mac = before.mac(&id, Purpose::VerifyEmail, &[b"x"]);
        assert!(mac.is_some());
        let after = ring(B, A);
        assert_ne!(after.current_id(), before.current_id());
        assert_eq!(after.mac(&id, Purpose::VerifyEmail, &[b"x"]), mac);
        assert_eq!(ring(B, "").mac(&id, Purpose::VerifyEmail, &[b"x"]), None);
    }

    #[test]
    fn purposes_and_keys_do_not_mix() {
        let ring = ring(A, &hex::encode(B));
        let (a, b) = (Key::parse(A).unwrap(), Key::parse(B).unwrap());
        let macs = [
            ring.mac(a.id().as_str(), Purpose::VerifyEmail, &[b"x"]),
            ring.mac(a.id().as_str(), Purpose::Idempotency, &[b"x"]),
            ring.mac(b.id().as_str(), Purpose::VerifyEmail, &[b"x"]),
        ];
        assert!(macs.iter().all(Option::is_some));
        assert!(macs[0] != macs[1] && macs[0] != macs[2] && macs[1] != macs[2]);
    }

    #[test]
    fn derivation_stays_what_it_is() {
        // Computed by another implementation (Python: hmac and hashlib). A change of these values makes
        // every code in every mailbox invalid.
        let ring = ring(A, "");
        assert_eq!(ring.current_id().as_str(), "a1d7cd253e6a2687");
        let mac = ring.mac("a1d7cd253e6a2687", Purpose::VerifyEmail, &[b"alice", b""]).unwrap();
        assert_eq!(hex::encode(mac), "a2499c20821790696130ef581f7c1e057dbce1bb595e7d9789644d4158fa65df");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Key::parse(&text);
        }

        #[test]
        fn lists_of_parts_never_collide(a in any::<Vec<Vec<u8>>>(), b in any::<Vec<Vec<u8>>>()) {
            let ring = ring(A, "");
            let mac = |parts: &[Vec<u8>]| {
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                ring.mac(ring.current_id().as_str(), Purpose::Idempotency, &parts)
            };
            prop_assert_eq!(mac(&a) == mac(&b), a == b);
        }
    }
}
