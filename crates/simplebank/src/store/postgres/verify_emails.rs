//! The table of verification codes, on Postgres.

use super::instant::Instant;
use super::link::Link;
use crate::domain::time::Timestamp;
use crate::store::statements;
use crate::store::verify_emails::{Candidate, CodeHash, LiveRow, NewRow};
use sqlx::postgres::PgRow;
use sqlx::{Error, Row};

statements! {
    FIND_LIVE =
        "SELECT id, email, key_id, nonce, code_hash, handovers FROM verify_emails
         WHERE username = $1 AND lower(email COLLATE \"C\") = lower($2 COLLATE \"C\") AND NOT is_used";
    INSERT =
        "INSERT INTO verify_emails (username, email, key_id, nonce, created_at, expired_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING id, email, key_id, nonce, code_hash, handovers";
    SET_CODE_HASH =
        "UPDATE verify_emails SET code_hash = $2 WHERE id = $1";
    RENEW =
        "UPDATE verify_emails SET expired_at = $2 WHERE id = $1";
    RECORD_HANDOVER =
        "UPDATE verify_emails SET handovers = handovers + 1, expired_at = $2 WHERE id = $1";
    DELETE =
        "DELETE FROM verify_emails WHERE id = $1";
    /// The user's row is locked before the code's, here as where codes are made, so that nobody waits in a circle.
    LOCK_USER =
        "SELECT 1 FROM users WHERE username = (SELECT username FROM verify_emails WHERE id = $1)
         FOR NO KEY UPDATE";
    FIND_CANDIDATE =
        "SELECT v.username, v.email, v.code_hash, v.expired_at, v.is_used,
                u.email AS present_email, u.is_email_verified
         FROM verify_emails v JOIN users u ON u.username = v.username
         WHERE v.id = $1";
    MARK_USED =
        "UPDATE verify_emails SET is_used = true WHERE id = $1";
}

pub(in crate::store) async fn find_live(
    link: Link<'_>,
    username: &str,
    email: &str,
) -> Result<Option<LiveRow>, Error> {
    let row = link.query(FIND_LIVE).bind(username).bind(email).fetch_optional(link.connection).await?;
    row.as_ref().map(live_row).transpose()
}

pub(in crate::store) async fn insert(link: Link<'_>, new: NewRow<'_>) -> Result<LiveRow, Error> {
    let row = link
        .query(INSERT)
        .bind(new.username)
        .bind(new.email)
        .bind(new.key_id)
        .bind(new.nonce.as_slice())
        .bind(Instant(new.now))
        .bind(Instant(new.expires_at))
        .fetch_one(link.connection)
        .await?;
    live_row(&row)
}

pub(in crate::store) async fn set_code_hash(link: Link<'_>, id: i64, hash: &CodeHash) -> Result<(), Error> {
    let result = link.query(SET_CODE_HASH).bind(id).bind(hash.as_slice()).execute(link.connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn renew(link: Link<'_>, id: i64, expires_at: Timestamp) -> Result<(), Error> {
    let result = link.query(RENEW).bind(id).bind(Instant(expires_at)).execute(link.connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn record_handover(
    link: Link<'_>,
    id: i64,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let result =
        link.query(RECORD_HANDOVER).bind(id).bind(Instant(expires_at)).execute(link.connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn delete(link: Link<'_>, id: i64) -> Result<(), Error> {
    let result = link.query(DELETE).bind(id).execute(link.connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn find_candidate(link: Link<'_>, id: i64) -> Result<Option<Candidate>, Error> {
    let row = link.query(FIND_CANDIDATE).bind(id).fetch_optional(link.connection).await?;
    let Some(row) = row else { return Ok(None) };
    let Instant(expires_at) = row.try_get("expired_at")?;
    Ok(Some(Candidate {
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        code_hash: code_hash(&row)?,
        expires_at,
        is_used: row.try_get("is_used")?,
        present_email: row.try_get("present_email")?,
        is_email_verified: row.try_get("is_email_verified")?,
    }))
}

/// A statement of its own: the next one sees what was committed while this one waited.
pub(in crate::store) async fn lock_user(link: Link<'_>, id: i64) -> Result<(), Error> {
    link.query(LOCK_USER).bind(id).execute(link.connection).await.map(drop)
}

pub(in crate::store) async fn mark_used(link: Link<'_>, id: i64) -> Result<(), Error> {
    let result = link.query(MARK_USED).bind(id).execute(link.connection).await?;
    one_row(result.rows_affected())
}

fn live_row(row: &PgRow) -> Result<LiveRow, Error> {
    Ok(LiveRow {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        key_id: row.try_get("key_id")?,
        nonce: bytes(row.try_get("nonce")?)?,
        code_hash: code_hash(row)?,
        handovers: row.try_get("handovers")?,
    })
}

fn code_hash(row: &PgRow) -> Result<Option<CodeHash>, Error> {
    row.try_get::<Option<&[u8]>, _>("code_hash")?.map(bytes).transpose()
}

fn bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Decode(format!("{} bytes where {N} belong", bytes.len()).into()))
}

/// A statement that names a row by its number must meet it.
fn one_row(affected: u64) -> Result<(), Error> {
    if affected == 1 { Ok(()) } else { Err(Error::RowNotFound) }
}
