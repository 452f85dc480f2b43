//! The table of idempotency keys, on Postgres.

use super::instant::Instant;
use super::link::Link;
use crate::domain::time::Timestamp;
use crate::store::idempotency::{Claim, Fingerprint, Life, PURGE_BATCH, Record, Scope};
use crate::store::statements;
use sqlx::{Error, Row};

statements! {
    FIND =
        "SELECT key_id, fingerprint, response FROM idempotency_keys
         WHERE caller = $1 AND method = $2 AND key = $3 AND expires_at > $4";
    /// For the rest of the transaction.
    WAIT_BRIEFLY =
        "SELECT set_config('lock_timeout', '1000', true)";
    /// Waits for the end of a transaction that is just about to take the key. One that has expired is taken over.
    CLAIM =
        "INSERT INTO idempotency_keys AS k (caller, method, key, key_id, fingerprint, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (caller, method, key) DO UPDATE
         SET key_id = excluded.key_id, fingerprint = excluded.fingerprint, response = NULL,
             created_at = excluded.created_at, expires_at = excluded.expires_at
         WHERE k.expires_at <= excluded.created_at";
    COMPLETE =
        "UPDATE idempotency_keys SET response = $4 WHERE caller = $1 AND method = $2 AND key = $3";
    /// Keys that another transaction is just deleting are left to it. By their place in the table, because the planner
    /// would read all of it to find a batch of keys.
    PURGE =
        "DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY
         (SELECT ctid FROM idempotency_keys WHERE expires_at <= $1
          ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
}

/// What a statement ends with that has waited for a lock for as long as it may.
const LOCK_NOT_AVAILABLE: &str = "55P03";

pub(in crate::store) async fn find(
    link: Link<'_>,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<Record>, Error> {
    let row = link
        .query(FIND)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(Instant(now))
        .fetch_optional(link.connection)
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
    link: Link<'_>,
    scope: &Scope,
    fingerprint: &Fingerprint,
    life: Life,
) -> Result<Claim, Error> {
    link.query(WAIT_BRIEFLY).execute(&mut *link.connection).await?;
    let claimed = link
        .query(CLAIM)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(&fingerprint.key_id)
        .bind(fingerprint.mac.as_slice())
        .bind(Instant(life.now))
        .bind(Instant(life.expires_at))
        .execute(&mut *link.connection)
        .await;
    let result = match claimed {
        Err(Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
            return Ok(Claim::InFlight);
        }
        claimed => claimed?,
    };
    if result.rows_affected() == 1 {
        return Ok(Claim::Claimed);
    }
    find(link, scope, life.now).await?.map(Claim::Used).ok_or(Error::RowNotFound)
}

pub(in crate::store) async fn complete(link: Link<'_>, scope: &Scope, response: &str) -> Result<(), Error> {
    let result = link
        .query(COMPLETE)
        .bind(&scope.caller)
        .bind(scope.method)
        .bind(scope.key.as_str())
        .bind(response)
        .execute(link.connection)
        .await?;
    if result.rows_affected() == 1 { Ok(()) } else { Err(Error::RowNotFound) }
}

pub(in crate::store) async fn purge(link: Link<'_>, now: Timestamp) -> Result<u64, Error> {
    let result =
        link.query(PURGE).bind(Instant(now)).bind(i64::from(PURGE_BATCH)).execute(link.connection).await?;
    Ok(result.rows_affected())
}
