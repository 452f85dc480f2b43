//! The table of verification codes, on SQLite.

use crate::domain::time::Timestamp;
use crate::store::statements;
use crate::store::verify_emails::{Candidate, CodeHash, LiveRow, NewRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row, SqliteConnection};

statements! {
    FIND_LIVE =
        "SELECT id, email, key_id, nonce, code_hash, handovers FROM verify_emails
         WHERE username = ?1 AND lower(email) = lower(?2) AND is_used = 0";
    INSERT =
        "INSERT INTO verify_emails (username, email, key_id, nonce, created_at, expired_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         RETURNING id, email, key_id, nonce, code_hash, handovers";
    SET_CODE_HASH =
        "UPDATE verify_emails SET code_hash = ?2 WHERE id = ?1";
    RENEW =
        "UPDATE verify_emails SET expired_at = ?2 WHERE id = ?1";
    RECORD_HANDOVER =
        "UPDATE verify_emails SET handovers = handovers + 1, expired_at = ?2 WHERE id = ?1";
    DELETE =
        "DELETE FROM verify_emails WHERE id = ?1";
    FIND_CANDIDATE =
        "SELECT v.username, v.email, v.code_hash, v.expired_at, v.is_used,
                u.email AS present_email, u.is_email_verified
         FROM verify_emails v JOIN users u ON u.username = v.username
         WHERE v.id = ?1";
    MARK_USED =
        "UPDATE verify_emails SET is_used = 1 WHERE id = ?1";
}

pub(in crate::store) async fn find_live(
    connection: &mut SqliteConnection,
    username: &str,
    email: &str,
) -> Result<Option<LiveRow>, Error> {
    let row = sqlx::query(FIND_LIVE).bind(username).bind(email).fetch_optional(connection).await?;
    row.as_ref().map(live_row).transpose()
}

pub(in crate::store) async fn insert(
    connection: &mut SqliteConnection,
    new: NewRow<'_>,
) -> Result<LiveRow, Error> {
    let row = sqlx::query(INSERT)
        .bind(new.username)
        .bind(new.email)
        .bind(new.key_id)
        .bind(new.nonce.as_slice())
        .bind(new.now.as_micros())
        .bind(new.expires_at.as_micros())
        .fetch_one(connection)
        .await?;
    live_row(&row)
}

pub(in crate::store) async fn set_code_hash(
    connection: &mut SqliteConnection,
    id: i64,
    hash: &CodeHash,
) -> Result<(), Error> {
    let result = sqlx::query(SET_CODE_HASH).bind(id).bind(hash.as_slice()).execute(connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn renew(
    connection: &mut SqliteConnection,
    id: i64,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let result = sqlx::query(RENEW).bind(id).bind(expires_at.as_micros()).execute(connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn record_handover(
    connection: &mut SqliteConnection,
    id: i64,
    expires_at: Timestamp,
) -> Result<(), Error> {
    let result =
        sqlx::query(RECORD_HANDOVER).bind(id).bind(expires_at.as_micros()).execute(connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), Error> {
    let result = sqlx::query(DELETE).bind(id).execute(connection).await?;
    one_row(result.rows_affected())
}

pub(in crate::store) async fn find_candidate(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<Candidate>, Error> {
    let row = sqlx::query(FIND_CANDIDATE).bind(id).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Candidate {
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        code_hash: code_hash(&row)?,
        expires_at: Timestamp::from_micros(row.try_get("expired_at")?),
        is_used: row.try_get("is_used")?,
        present_email: row.try_get("present_email")?,
        is_email_verified: row.try_get("is_email_verified")?,
    }))
}

pub(in crate::store) async fn mark_used(connection: &mut SqliteConnection, id: i64) -> Result<(), Error> {
    let result = sqlx::query(MARK_USED).bind(id).execute(connection).await?;
    one_row(result.rows_affected())
}

fn live_row(row: &SqliteRow) -> Result<LiveRow, Error> {
    Ok(LiveRow {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        key_id: row.try_get("key_id")?,
        nonce: bytes(row.try_get("nonce")?)?,
        code_hash: code_hash(row)?,
        handovers: row.try_get("handovers")?,
    })
}

fn code_hash(row: &SqliteRow) -> Result<Option<CodeHash>, Error> {
    row.try_get::<Option<&[u8]>, _>("code_hash")?.map(bytes).transpose()
}

fn bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Decode(format!("{} bytes where {N} belong", bytes.len()).into()))
}

/// A statement that names a row by its number must meet it.
fn one_row(affected: u64) -> Result<(), Error> {
    if affected == 1 { Ok(()) } else { Err(Error::RowNotFound) }
}
