//! The table of idempotency keys: which request was sent under which key, and what was answered.

use super::{Conn, StoreError, Tx, postgres, sqlite};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::time::Timestamp;

/// How many expired keys one call of [`purge`] deletes at most, so that it never holds the database
/// for long.
pub const PURGE_BATCH: u32 = 500;

/// Within which a key must be unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Who calls; for a call that creates a user, the requested username.
    pub caller: String,
    /// What is called.
    pub method: &'static str,
    /// The key the client chose.
    pub key: IdempotencyKey,
}

/// A keyed hash of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The bank's key that made it.
    pub key_id: String,
    /// The hash.
    pub mac: [u8; 32],
}

/// A request that was answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What was answered, in the form the use case chose.
    pub response: String,
}

/// What came of claiming a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The key belongs to this transaction, which must [`complete`] it before the commit.
    Claimed,
    /// The key was used before.
    Used(Record),
    /// Another transaction has taken the key and is still at work, a second later. This one is good for nothing more
    /// than to be rolled back.
    InFlight,
}

/// From when until when a key is kept.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// The present.
    pub now: Timestamp,
    /// From when on the key may be used for something else.
    pub expires_at: Timestamp,
}

/// What was asked and answered under this key, unless it has expired.
pub async fn find(conn: Conn<'_>, scope: &Scope, now: Timestamp) -> Result<Option<Record>, StoreError> {
    match conn {
        Conn::Sqlite(connection, place) => {
            sqlite::idempotency::find(connection, scope, now).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::idempotency::find(link, scope, now)).await
        }
    }
}

/// Takes the key for this transaction, unless another one has committed with it and it has not expired. Waits for one
/// that is at work.
pub async fn claim(
    tx: &mut Tx,
    scope: &Scope,
    fingerprint: &Fingerprint,
    life: Life,
) -> Result<Claim, StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => sqlite::idempotency::claim(connection, scope, fingerprint, life)
            .await
            .map_err(sqlite::explain(place)),
        Conn::Postgres(link, place) => {
            postgres::answer(
                place,
                link.patience,
                postgres::idempotency::claim(link, scope, fingerprint, life),
            )
            .await
        }
    }
}

/// Stores what is answered under a key that was claimed in this transaction.
pub async fn complete(tx: &mut Tx, scope: &Scope, response: &str) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::idempotency::complete(connection, scope, response).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::idempotency::complete(link, scope, response))
                .await
        }
    }
}

/// Deletes keys that have expired, at most [`PURGE_BATCH`] of them, and returns how many.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::idempotency::purge(connection, now).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::idempotency::purge(link, now)).await
        }
    }
}
