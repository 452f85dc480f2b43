//! The table of idempotency keys, on SQLite.

use crate::domain::time::Timestamp;
use crate::store::idempotency::{Claim, Fingerprint, Life, PURGE_BATCH, Record, Scope};
use crate::store::statements;
use sqlx::{Error, Row, SqliteConnection};

statements! {
    FIND =
        "SELECT key_id, fingerprint, response FROM idempotency_keys
         WHERE caller = ?1 AND method = ?2 AND key = ?3 AND expires_at > ?4";
    DELETE_EXPIRED =
        "DELETE FROM idempotency_keys WHERE caller = ?1 AND method = ?2 AND key = ?3 AND expires_at <= ?4";
    CLAIM =
        "INSERT INTO idempotency_keys (caller, method, key, key_id, fingerprint, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING";
    COMPLETE =
        "UPDATE idempotency_keys SET response = ?4 WHERE caller = ?1 AND method = ?2 AND key = ?3";
    PURGE =
        "DELETE FROM idempotency_keys WHERE rowid IN
         (SELECT rowid FROM idempotency_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
}

pub(in crate::store) async fn find(
    connection: &mut SqliteConnection,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<Record>, Error> {
    let row = sqlx::query(FIND)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(now.as_micros())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mac: &[u8] = row.try_get("fingerprint")?;
    let mac = mac.try_into().map_err(|_| Error::Decode("fingerprint is not 32 bytes".into()))?;
    Ok(Some(Record {
        fingerprint: Fingerprint { key_id: row.try_get("key_id")?, mac },
        response: row.try_get("response")?,
    }))
}

pub(in crate::store) async fn claim(
    connection: &mut SqliteConnection,
    scope: &Scope,
    fingerprint: &Fingerprint,
    life: Life,
) -> Result<Claim, Error> {
    sqlx::query(DELETE_EXPIRED)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(life.now.as_micros())
        .execute(&mut *connection)
        .await?;
    let result = sqlx::query(CLAIM)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(&fingerprint.key_id)
        .bind(fingerprint.mac.as_slice())
        .bind(life.now.as_micros())
        .bind(life.expires_at.as_micros())
        .execute(&mut *connection)
        .await?;
    if result.rows_affected() == 1 {
        return Ok(Claim::Claimed);
    }
    find(connection, scope, life.now).await?.map(Claim::Used).ok_or(Error::RowNotFound)
}

pub(in crate::store) async fn complete(
    connection: &mut SqliteConnection,
    scope: &Scope,
    response: &str,
) -> Result<(), Error> {
    let result = sqlx::query(COMPLETE)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(response)
        .execute(connection)
        .await?;
    if result.rows_affected() == 1 { Ok(()) } else { Err(Error::RowNotFound) }
}

pub(in crate::store) async fn purge(connection: &mut SqliteConnection, now: Timestamp) -> Result<u64, Error> {
    let result = sqlx::query(PURGE).bind(now.as_micros()).bind(PURGE_BATCH).execute(connection).await?;
    Ok(result.rows_affected())
}
