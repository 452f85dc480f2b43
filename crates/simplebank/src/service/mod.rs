//! The use cases of the bank, one per file. They decide; transports convert and stores store.

mod answer;
mod attempts;
pub mod create_user;
mod error;
mod idempotency;
mod in_flight;
mod purge;
mod verification_mail;
pub mod verify_email;

pub use answer::{Answer, Replay};
pub use create_user::CreateUser;
pub use error::{ServiceError, Taken, Violation};
pub use purge::{Purged, Rest};
pub use verification_mail::{Preparation, VerificationMail};
pub use verify_email::VerifyEmail;

use crate::domain::time::Clock;
use crate::password::PasswordPool;
use crate::store::Store;
use crate::tasks::DistributeTasks;
use crate::token::entropy::Entropy;
use crate::token::keyring::KeyRing;
use in_flight::InFlight;
use std::sync::Arc;
use std::time::Duration;

/// What the use cases work with.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Where passwords are hashed.
    pub passwords: PasswordPool,
    /// The bank's keys.
    pub keys: KeyRing,
    /// Where the present comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where tasks go.
    pub tasks: Arc<dyn DistributeTasks>,
    /// What can be set.
    pub settings: Settings,
}

/// What can be set about the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a verification code is accepted after its mail was handed over (`VERIFY_EMAIL_DURATION`).
    pub verify_email_duration: Duration,
}

/// The bank: every use case is a method of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bank(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    in_flight: InFlight,
}

impl Bank {
    /// Opens for business.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, in_flight: InFlight::default() }))
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }
}
