//! The table of users.

use super::{Conn, StoreError, Tx, postgres, sqlite};
use crate::domain::password::PasswordHash;
use crate::domain::time::Timestamp;
use crate::domain::user::{NewUser, Taken, User};

/// What came of inserting a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insertion {
    /// The user as stored.
    Inserted(User),
    /// Nothing was inserted. If both the username and the e-mail address are taken, the username is named.
    Taken(Taken),
}

/// Inserts a user, who has not verified the address yet.
pub async fn insert(
    tx: &mut Tx,
    user: &NewUser,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<Insertion, StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => {
            sqlite::users::insert(connection, user, hash, now).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::users::insert(link, user, hash, now)).await
        }
    }
}

/// The user of this name.
pub async fn find(conn: Conn<'_>, username: &str) -> Result<Option<User>, StoreError> {
    match conn {
        Conn::Sqlite(connection, place) => {
            sqlite::users::find(connection, username).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::users::find(link, username)).await
        }
    }
}

/// The user of this name, whom nobody else changes until the transaction ends.
pub async fn find_for_update(tx: &mut Tx, username: &str) -> Result<Option<User>, StoreError> {
    match tx.conn() {
        // There, whoever writes is alone.
        Conn::Sqlite(connection, place) => {
            sqlite::users::find(connection, username).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::users::find_for_update(link, username)).await
        }
    }
}

/// The password hash of the user of this name.
pub async fn find_password(conn: Conn<'_>, username: &str) -> Result<Option<PasswordHash>, StoreError> {
    match conn {
        Conn::Sqlite(connection, place) => {
            sqlite::users::find_password(connection, username).await.map_err(sqlite::explain(place))
        }
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::users::find_password(link, username)).await
        }
    }
}

/// What came of marking an address as verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    /// The user's address is verified now.
    Marked,
    /// There is no such user, or the user has another address by now. Nothing was changed.
    OtherAddress,
}

/// Marks the address of a user as verified, if it still is the user's address.
pub async fn set_email_verified(tx: &mut Tx, username: &str, email: &str) -> Result<Marking, StoreError> {
    match tx.conn() {
        Conn::Sqlite(connection, place) => sqlite::users::set_email_verified(connection, username, email)
            .await
            .map_err(sqlite::explain(place)),
        Conn::Postgres(link, place) => {
            postgres::answer(place, link.patience, postgres::users::set_email_verified(link, username, email))
                .await
        }
    }
}
