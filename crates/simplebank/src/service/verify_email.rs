//! Proving an address: whoever presents the code that was mailed there has read the mail.

use super::attempts::until_it_goes_through;
use super::{Bank, ServiceError};
use crate::domain::time::Timestamp;
use crate::domain::verification::{EmailId, SecretCode};
use crate::domain::violation::Fault;
use crate::store::users::{self, Marking};
use crate::store::verify_emails::{self, Candidate};
use crate::token::verification;
use std::fmt;

const DOING: &str = "verify email";

/// A code as it came in.
#[derive(Clone)]
pub struct VerifyEmail {
    /// The number of the mail.
    pub email_id: i64,
    /// The code in the mail.
    pub secret_code: String,
}

impl fmt::Debug for VerifyEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyEmail").field("email_id", &self.email_id).finish_non_exhaustive()
    }
}

impl Bank {
    /// Marks the address as verified if the code is right. The same code again, before it expires, is
    /// right again: mail scanners follow links before their readers do. Returns `true`: whatever is
    /// not verified is an error.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every violation; [`ServiceError::VerificationCode`], the same for a
    /// wrong code, the code of another mail, an expired one and one for an address the user has left;
    /// [`ServiceError::Overloaded`]; [`ServiceError::Unavailable`]; [`ServiceError::Internal`].
    pub async fn verify_email(&self, request: VerifyEmail) -> Result<bool, ServiceError> {
        let (id, code) = parse(&request)?;
        // Judged on a reader first: guesses never take the write lock.
        match self.judge_code(id, &code).await? {
            Verdict::Refused => Err(ServiceError::VerificationCode),
            Verdict::Verified => Ok(true),
            Verdict::Right => until_it_goes_through(|| self.use_code(id, &code)).await,
        }
    }

    async fn judge_code(&self, id: EmailId, code: &SecretCode) -> Result<Verdict, ServiceError> {
        let mut reader = self.parts().store.reader().await.map_err(ServiceError::store(DOING))?;
        let found = verify_emails::find_candidate(reader.conn(), id.get()).await;
        Ok(judge(found.map_err(ServiceError::store(DOING))?.as_ref(), code, self.parts().clock.now()))
    }

    /// Judges again under the write lock, then marks code and address in one transaction.
    async fn use_code(&self, id: EmailId, code: &SecretCode) -> Result<bool, ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(DOING))?;
        let found = verify_emails::find_candidate_for_update(&mut tx, id.get()).await;
        let Some(candidate) = found.map_err(ServiceError::store(DOING))? else {
            return Err(ServiceError::VerificationCode);
        };
        match judge(Some(&candidate), code, self.parts().clock.now()) {
            Verdict::Refused => return Err(ServiceError::VerificationCode),
            Verdict::Verified => return Ok(true),
            Verdict::Right => {}
        }
        verify_emails::mark_used(&mut tx, id.get()).await.map_err(ServiceError::store(DOING))?;
        let marking = users::set_email_verified(&mut tx, &candidate.username, &candidate.email).await;
        if marking.map_err(ServiceError::store(DOING))? == Marking::OtherAddress {
            return Err(ServiceError::VerificationCode);
        }
        tx.commit().await.map_err(ServiceError::store(DOING))?;
        Ok(true)
    }
}

fn parse(request: &VerifyEmail) -> Result<(EmailId, SecretCode), ServiceError> {
    let id = EmailId::parse(request.email_id).map_err(Fault::at("email_id"));
    let code = SecretCode::parse(&request.secret_code).map_err(Fault::at("secret_code"));
    match (id, code) {
        (Ok(id), Ok(code)) => Ok((id, code)),
        (id, code) => Err(ServiceError::Invalid([id.err(), code.err()].into_iter().flatten().collect())),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Wrong, foreign, expired, or for an address the user has left.
    Refused,
    /// Right, and the address has been verified with it before.
    Verified,
    /// Right, and not used yet.
    Right,
}

fn judge(found: Option<&Candidate>, code: &SecretCode, now: Timestamp) -> Verdict {
    // An unknown number costs the same work as a wrong code: nothing hashes to zeros.
    let stored = found.and_then(|candidate| candidate.code_hash).unwrap_or_default();
    let is_right = verification::matches(code, &stored);
    match found {
        Some(candidate)
            if is_right
                && now < candidate.expires_at
                && candidate.email.eq_ignore_ascii_case(&candidate.present_email) =>
        {
            match (candidate.is_used, candidate.is_email_verified) {
                (false, _) => Verdict::Right,
                (true, true) => Verdict::Verified,
                // The user has left the address and come back: that takes a new code.
                (true, false) => Verdict::Refused,
            }
        }
        _ => Verdict::Refused,
    }
}
