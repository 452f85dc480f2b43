//! What the task that sends the verification mail needs: the mail to send, and a place to note that it
//! was handed over. Both may be repeated at will; a task that runs twice sends the same mail twice.

use super::attempts::until_it_goes_through;
use super::{Bank, ServiceError};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::verification::SecretCode;
use crate::store::verify_emails::{self, LiveRow, NONCE_BYTES, NewRow};
use crate::store::{Tx, users};
use crate::token::verification::{self, Subject};
use sha2::{Digest, Sha256};
use std::time::Duration;

const PREPARING: &str = "prepare verification mail";
const NOTING: &str = "note that the verification mail was handed over";

/// What there is to do about a user's address.
#[derive(Debug, Clone)]
pub enum Preparation {
    /// This mail is to be sent.
    Send(VerificationMail),
    /// Nothing: the present address is verified.
    AlreadyVerified,
    /// There is no such user.
    NoSuchUser,
}

/// A verification mail. The same for every call until its code has been used.
#[derive(Debug, Clone)]
pub struct VerificationMail {
    /// The number of the mail; stands in the link.
    pub email_id: i64,
    /// Where to send it.
    pub address: String,
    /// How to address the user.
    pub full_name: String,
    /// The code; stands in the link.
    pub code: SecretCode,
    /// How long the code is accepted after each handover.
    pub valid_for: Duration,
    /// From when on the code is refused, unless the mail is handed over again.
    pub expires_at: Timestamp,
    /// The part of the Message-ID before the `@`: the same for every copy of this mail.
    pub message_id: String,
    /// How often this mail was handed over before; more than 0 means that it may arrive once more.
    pub handovers: i64,
}

impl Bank {
    /// Finds or makes the code for the user's present address, and lets it live from now on, so that it
    /// works from the moment the mail arrives.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`]; [`ServiceError::Unavailable`]; [`ServiceError::Internal`].
    pub async fn prepare_verification(&self, username: &str) -> Result<Preparation, ServiceError> {
        // A task with nothing to do must not stand in line behind those who write.
        let mut reader = self.parts().store.reader().await.map_err(ServiceError::store(PREPARING))?;
        let found = users::find(reader.conn(), username).await.map_err(ServiceError::store(PREPARING))?;
        drop(reader);
        match found {
            None => Ok(Preparation::NoSuchUser),
            Some(user) if user.is_email_verified => Ok(Preparation::AlreadyVerified),
            Some(_) => until_it_goes_through(|| self.find_or_make_code(username)).await,
        }
    }

    async fn find_or_make_code(&self, username: &str) -> Result<Preparation, ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(PREPARING))?;
        let found =
            users::find_for_update(&mut tx, username).await.map_err(ServiceError::store(PREPARING))?;
        let Some(user) = found else { return Ok(Preparation::NoSuchUser) };
        if user.is_email_verified {
            return Ok(Preparation::AlreadyVerified);
        }
        let row = verify_emails::find_live(tx.conn(), username, &user.email).await;
        let mail = match row.map_err(ServiceError::store(PREPARING))? {
            Some(row) => self.mail_of_row(&mut tx, user, row).await?,
            None => self.mail_of_new_row(&mut tx, user).await?,
        };
        tx.commit().await.map_err(ServiceError::store(PREPARING))?;
        Ok(Preparation::Send(mail))
    }

    /// Notes that the mail was handed over to the mail server; the life of its code starts anew.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`]; [`ServiceError::Unavailable`]; [`ServiceError::Internal`], also if there is no such mail.
    pub async fn mark_handed_over(&self, email_id: i64) -> Result<(), ServiceError> {
        until_it_goes_through(|| self.note_handover(email_id)).await
    }

    async fn note_handover(&self, email_id: i64) -> Result<(), ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(NOTING))?;
        let noted = verify_emails::record_handover(&mut tx, email_id, self.code_expiry()).await;
        noted.map_err(ServiceError::store(NOTING))?;
        tx.commit().await.map_err(ServiceError::store(NOTING))
    }

    async fn mail_of_row(
        &self,
        tx: &mut Tx,
        user: User,
        row: LiveRow,
    ) -> Result<VerificationMail, ServiceError> {
        let subject = Subject { id: row.id, username: &user.username, email: &row.email, nonce: &row.nonce };
        let code = verification::derive(&self.parts().keys, &row.key_id, subject);
        match code.filter(|code| row.code_hash.is_some_and(|hash| verification::matches(code, &hash))) {
            Some(code) => {
                let expires_at = self.code_expiry();
                let renewed = verify_emails::renew(tx, row.id, expires_at).await;
                renewed.map_err(ServiceError::store(PREPARING))?;
                Ok(self.mail(user, &row, code, expires_at))
            }
            // The key has left the ring. The old code cannot be sent again, so a new one takes its place.
            None => {
                let deleted = verify_emails::delete(tx, row.id).await;
                deleted.map_err(ServiceError::store(PREPARING))?;
                self.mail_of_new_row(tx, user).await
            }
        }
    }

    async fn mail_of_new_row(&self, tx: &mut Tx, user: User) -> Result<VerificationMail, ServiceError> {
        let keys = &self.parts().keys;
        let key_id = keys.current_id().as_str();
        let mut nonce = [0; NONCE_BYTES];
        self.parts().entropy.fill(&mut nonce).map_err(ServiceError::internal(PREPARING))?;
        let (now, expires_at) = (self.parts().clock.now(), self.code_expiry());
        let new =
            NewRow { username: &user.username, email: &user.email, key_id, nonce: &nonce, now, expires_at };
        let row = verify_emails::insert(tx, new).await.map_err(ServiceError::store(PREPARING))?;
        let subject = Subject { id: row.id, username: &user.username, email: &row.email, nonce: &nonce };
        let code = verification::derive(keys, key_id, subject).expect("the current key is in the ring");
        let set = verify_emails::set_code_hash(tx, row.id, &verification::hash(&code)).await;
        set.map_err(ServiceError::store(PREPARING))?;
        Ok(self.mail(user, &row, code, expires_at))
    }

    fn mail(&self, user: User, row: &LiveRow, code: SecretCode, expires_at: Timestamp) -> VerificationMail {
        let settings = &self.parts().settings;
        // The nonce makes it unlike that of any other database; hashed, because nobody needs to see it.
        let unique = hex::encode(&Sha256::digest(row.nonce)[..8]);
        VerificationMail {
            email_id: row.id,
            address: user.email,
            full_name: user.full_name,
            code,
            valid_for: settings.verify_email_duration,
            expires_at,
            message_id: format!("verify-email.{}.{unique}", row.id),
            handovers: row.handovers,
        }
    }

    fn code_expiry(&self) -> Timestamp {
        self.parts().clock.now().plus(self.parts().settings.verify_email_duration)
    }
}
