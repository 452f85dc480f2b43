//! The table of users, on SQLite.

use crate::domain::password::PasswordHash;
use crate::domain::time::Timestamp;
use crate::domain::user::{NewUser, Role, Taken, User};
use crate::store::statements;
use crate::store::users::{Insertion, Marking};
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row, SqliteConnection};

statements! {
    /// No row comes back if the username or the address is taken.
    INSERT =
        "INSERT INTO users (username, hashed_password, full_name, email, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING
         RETURNING username, full_name, email, password_changed_at, created_at, is_email_verified, role";
    EXISTS =
        "SELECT EXISTS (SELECT 1 FROM users WHERE username = ?1)";
    FIND =
        "SELECT username, full_name, email, password_changed_at, created_at, is_email_verified, role
         FROM users WHERE username = ?1";
    FIND_PASSWORD =
        "SELECT hashed_password FROM users WHERE username = ?1";
    SET_EMAIL_VERIFIED =
        "UPDATE users SET is_email_verified = 1 WHERE username = ?1 AND lower(email) = lower(?2)";
}

pub(in crate::store) async fn insert(
    connection: &mut SqliteConnection,
    user: &NewUser,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Insertion, Error> {
    let inserted = sqlx::query(INSERT)
        .bind(user.username.as_str())
        .bind(hash.as_str())
        .bind(user.full_name.as_str())
        .bind(user.email.as_str())
        .bind(now.as_micros())
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = inserted {
        return Ok(Insertion::Inserted(user_of(&row)?));
    }
    // Asked in the same transaction, so the row that was in the way is still there.
    let username_exists: bool =
        sqlx::query_scalar(EXISTS).bind(user.username.as_str()).fetch_one(connection).await?;
    Ok(Insertion::Taken(if username_exists { Taken::Username } else { Taken::Email }))
}

pub(in crate::store) async fn find(
    connection: &mut SqliteConnection,
    username: &str,
) -> Result<Option<User>, Error> {
    let row = sqlx::query(FIND).bind(username).fetch_optional(connection).await?;
    row.as_ref().map(user_of).transpose()
}

pub(in crate::store) async fn find_password(
    connection: &mut SqliteConnection,
    username: &str,
) -> Result<Option<PasswordHash>, Error> {
    let hash: Option<String> =
        sqlx::query_scalar(FIND_PASSWORD).bind(username).fetch_optional(connection).await?;
    Ok(hash.map(PasswordHash::from_stored))
}

pub(in crate::store) async fn set_email_verified(
    connection: &mut SqliteConnection,
    username: &str,
    email: &str,
) -> Result<Marking, Error> {
    let result = sqlx::query(SET_EMAIL_VERIFIED).bind(username).bind(email).execute(connection).await?;
    Ok(if result.rows_affected() == 1 { Marking::Marked } else { Marking::OtherAddress })
}

fn user_of(row: &SqliteRow) -> Result<User, Error> {
    let role: String = row.try_get("role")?;
    Ok(User {
        username: row.try_get("username")?,
        full_name: row.try_get("full_name")?,
        email: row.try_get("email")?,
        password_changed_at: Timestamp::from_micros(row.try_get("password_changed_at")?),
        created_at: Timestamp::from_micros(row.try_get("created_at")?),
        is_email_verified: row.try_get("is_email_verified")?,
        role: Role::parse(&role).ok_or_else(|| Error::Decode(format!("role {role:?} is unknown").into()))?,
    })
}
