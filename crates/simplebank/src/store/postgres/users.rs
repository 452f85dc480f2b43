//! The table of users, on Postgres.

use super::instant::Instant;
use super::link::Link;
use crate::domain::password::PasswordHash;
use crate::domain::time::Timestamp;
use crate::domain::user::{NewUser, Role, Taken, User};
use crate::store::statements;
use crate::store::users::{Insertion, Marking};
use sqlx::postgres::PgRow;
use sqlx::{Error, Row};

statements! {
    /// No row comes back if the username or the address is taken. Where another transaction is just about to take
    /// one of them, the statement waits for its end.
    INSERT =
        "INSERT INTO users (username, hashed_password, full_name, email, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING
         RETURNING username, full_name, email, password_changed_at, created_at, is_email_verified, role";
    EXISTS =
        "SELECT EXISTS (SELECT 1 FROM users WHERE username = $1)";
    FIND =
        "SELECT username, full_name, email, password_changed_at, created_at, is_email_verified, role
         FROM users WHERE username = $1";
    /// Others may still refer to the row, and read it.
    FIND_FOR_UPDATE =
        "SELECT username, full_name, email, password_changed_at, created_at, is_email_verified, role
         FROM users WHERE username = $1 FOR NO KEY UPDATE";
    FIND_PASSWORD =
        "SELECT hashed_password FROM users WHERE username = $1";
    SET_EMAIL_VERIFIED =
        "UPDATE users SET is_email_verified = true
         WHERE username = $1 AND lower(email COLLATE \"C\") = lower($2 COLLATE \"C\")";
}

pub(in crate::store) async fn insert(
    link: Link<'_>,
    user: &NewUser,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Insertion, Error> {
    let inserted = link
        .query(INSERT)
        .bind(user.username.as_str())
        .bind(hash.as_str())
        .bind(user.full_name.as_str())
        .bind(user.email.as_str())
        .bind(Instant(now))
        .fetch_optional(&mut *link.connection)
        .await?;
    if let Some(row) = inserted {
        return Ok(Insertion::Inserted(user_of(&row)?));
    }
    // Every statement sees what has been committed by then, so the row that was in the way is there.
    let username_exists: bool =
        link.query_scalar(EXISTS).bind(user.username.as_str()).fetch_one(&mut *link.connection).await?;
    Ok(Insertion::Taken(if username_exists { Taken::Username } else { Taken::Email }))
}

pub(in crate::store) async fn find(link: Link<'_>, username: &str) -> Result<Option<User>, Error> {
    let row = link.query(FIND).bind(username).fetch_optional(link.connection).await?;
    row.as_ref().map(user_of).transpose()
}

pub(in crate::store) async fn find_for_update(link: Link<'_>, username: &str) -> Result<Option<User>, Error> {
    let row = link.query(FIND_FOR_UPDATE).bind(username).fetch_optional(link.connection).await?;
    row.as_ref().map(user_of).transpose()
}

pub(in crate::store) async fn find_password(
    link: Link<'_>,
    username: &str,
) -> Result<Option<PasswordHash>, Error> {
    let hash: Option<String> =
        link.query_scalar(FIND_PASSWORD).bind(username).fetch_optional(link.connection).await?;
    Ok(hash.map(PasswordHash::from_stored))
}

pub(in crate::store) async fn set_email_verified(
    link: Link<'_>,
    username: &str,
    email: &str,
) -> Result<Marking, Error> {
    let result = link.query(SET_EMAIL_VERIFIED).bind(username).bind(email).execute(link.connection).await?;
    Ok(if result.rows_affected() == 1 { Marking::Marked } else { Marking::OtherAddress })
}

fn user_of(row: &PgRow) -> Result<User, Error> {
    let role: String = row.try_get("role")?;
    let time = |column| row.try_get(column).map(|Instant(time)| time);
    Ok(User {
        username: row.try_get("username")?,
        full_name: row.try_get("full_name")?,
        email: row.try_get("email")?,
        password_changed_at: time("password_changed_at")?,
        created_at: time("created_at")?,
        is_email_verified: row.try_get("is_email_verified")?,
        role: Role::parse(&role).ok_or_else(|| Error::Decode(format!("role {role:?} is unknown").into()))?,
    })
}
