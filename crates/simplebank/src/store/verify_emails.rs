//! The table of verification codes: what it takes to make a code again, and its hash. Never a code.
//!
//! A row is *live* until its code has been used; there is at most one live row per user and mailbox.

use super::{Conn, StoreError, Tx, postgres, sqlite};
use crate::domain::time::Timestamp;

/// Bytes of the random part of a code.
pub const NONCE_BYTES: usize = 16;

/// The SHA-256 of a code.
pub type CodeHash = [u8; 32];

/// A live row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRow {
    /// The number of the mail.
    pub id: i64,
    /// The address as it was written when the row was made.
    pub email: String,
    /// The key the code is made with.
    pub key_id: String,
    /// The random part of the code.
    pub nonce: [u8; NONCE_BYTES],
    /// What a presented code must hash to; `None` matches nothing.
    pub code_hash: Option<CodeHash>,
    /// How often the mail was handed over to the mail server.
    pub handovers: i64,
}

/// A row to be inserted.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    /// Whose address it is.
    pub username: &'a str,
    /// The address.
    pub email: &'a str,
    /// The key the code is made with.
    pub key_id: &'a str,
    /// The random part of the code.
    pub nonce: &'a [u8; NONCE_BYTES],
    /// The present.
    pub now: Timestamp,
    /// From when on the code is refused.
    pub expires_at: Timestamp,
}

/// What must be known to judge a presented code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose address it is.
    pub username: String,
    /// The address the code was sent to.
    pub email: String,
    /// What the presented code must hash to; `None` matches nothing.
    pub code_hash: Option<CodeHash>,
    /// From when on the code is refused.
    pub expires_at: Timestamp,
    /// Whether the code was used before.
    pub is_used: bool,
    /// The user's address of today.
    pub present_email: String,
    /// Whether that address is verified.
    pub is_email_verified: bool,
}

/// The live row of this user and mailbox, however the address is capitalised.
pub async fn find_live(conn: Conn<'_>, username: &str, email: &str) -> Result<Option<LiveRow>, StoreError> {
    match conn {
        Conn::Sqlite(connection, place) => sqlite::verify_emails::find_live(connection, username, email)
            .await
            .map_err(sqlite::explain(place)),
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::find_live(link, username, email))
                .await
        }
    }
}

/// Inserts a live row. It has no code hash yet: see [`set_code_hash`].
pub async fn insert(tx: &mut Tx, row: NewRow<'_>) -> Result<LiveRow, StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::insert(connection, row).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::insert(link, row)).await
        }
    }
}

/// Sets the hash of the code of a row.
pub async fn set_code_hash(tx: &mut Tx, id: i64, hash: &CodeHash) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::set_code_hash(connection, id, hash).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::set_code_hash(link, id, hash))
                .await
        }
    }
}

/// Lets the code of a row live until `expires_at`.
pub async fn renew(tx: &mut Tx, id: i64, expires_at: Timestamp) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::renew(connection, id, expires_at).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::renew(link, id, expires_at)).await
        }
    }
}

/// Counts one more handover of the mail and lets its code live until `expires_at`.
pub async fn record_handover(tx: &mut Tx, id: i64, expires_at: Timestamp) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => sqlite::verify_emails::record_handover(connection, id, expires_at)
            .await
            .map_err(sqlite::explain(place)),
        Conn::Postgres(link, place) => {
            postgres::answer(
                place,
                link.patience,
                postgres::verify_emails::record_handover(link, id, expires_at),
            )
            .await
        }
    }
}

/// Deletes a row; its code is refused from then on.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::delete(connection, id).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::delete(link, id)).await
        }
    }
}

/// The row of this number together with its user.
pub async fn find_candidate(conn: Conn<'_>, id: i64) -> Result<Option<Candidate>, StoreError> {
    match conn {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::find_candidate(connection, id).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::find_candidate(link, id)).await
        }
    }
}

/// The row of this number together with its user, neither of which anybody else changes until the transaction ends.
pub async fn find_candidate_for_update(tx: &mut Tx, id: i64) -> Result<Option<Candidate>, StoreError> {
    if let Conn::Postgres(link, place) = tx.conn() {
        postgres::answer(place, link.patience, postgres::verify_emails::lock_user(link, id)).await?;
    }
    find_candidate(tx.conn(), id).await
}

/// Marks the code of a row as used; the row is not live any more.
pub async fn mark_used(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::verify_emails::mark_used(connection, id).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::verify_emails::mark_used(link, id)).await
        }
    }
}
