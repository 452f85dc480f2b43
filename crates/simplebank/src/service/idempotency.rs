//! Making a request safe to send again: one effect per idempotency key, and the same answer each time.
//!
//! The key is stored in the transaction of the effect, so the two exist together or not at all. A use
//! case takes its turn, looks for an earlier answer, and claims the key in its transaction.

use super::in_flight::Turn;
use super::{Bank, ServiceError};
use crate::store::idempotency::{Fingerprint, Life, Record, Scope};
use crate::token::keyring::{KeyRing, Purpose};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Bank {
    /// The life of a key that is used now.
    pub(super) fn key_life(&self) -> Life {
        let now = self.parts().clock.now();
        Life { now, expires_at: now.plus(KEPT) }
    }

    /// A keyed hash of a request; `fields` must not contain a password. Keyed, so that a stolen
    /// database does not say what was asked.
    pub(super) fn fingerprint(&self, fields: &[&str]) -> Fingerprint {
        let keys = &self.parts().keys;
        let key_id = keys.current_id().as_str().to_owned();
        let mac = mac(keys, &key_id, fields).expect("the current key is in the ring");
        Fingerprint { key_id, mac }
    }

    /// Whether the recorded request is this one. A record whose key has left the ring is not.
    pub(super) fn is_same_request(&self, record: &Record, fields: &[&str]) -> bool {
        mac(&self.parts().keys, &record.fingerprint.key_id, fields)
            .is_some_and(|mac| mac.ct_eq(&record.fingerprint.mac).into())
    }

    /// Waits until no other request of this process works with this key, for a second at most.
    pub(super) async fn enter(&self, scope: &Scope) -> Result<Turn, ServiceError> {
        self.0.in_flight.enter(scope).await
    }
}

fn mac(keys: &KeyRing, key_id: &str, fields: &[&str]) -> Option<[u8; 32]> {
    let parts: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
    keys.mac(key_id, Purpose::Idempotency, &parts)
}
