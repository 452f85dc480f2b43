//! Creating a user, and with the user the task that sends the verification mail.

use super::attempts::until_it_goes_through;
use super::{Answer, Bank, Replay, ServiceError};
use crate::domain::email::EmailAddress;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::name::{FullName, Username};
use crate::domain::password::{Password, PasswordHash};
use crate::domain::time::Timestamp;
use crate::domain::user::{NewUser, Role, User};
use crate::domain::violation::Fault;
use crate::failpoint;
use crate::secret::Secret;
use crate::store::Tx;
use crate::store::idempotency::{self, Claim, Record, Scope};
use crate::store::users::{self, Insertion};
use crate::tasks::Progress;
use serde::{Deserialize, Serialize};
use std::error::Error;

const DOING: &str = "create user";
const DISTRIBUTING: &str = "distribute task to send verify email";
const METHOD: &str = "CreateUser";

/// A request for a new user, as it came in.
#[derive(Debug, Clone)]
pub struct CreateUser {
    /// Will identify the user.
    pub username: String,
    /// How the user wants to be addressed.
    pub full_name: String,
    /// Where mail is to go.
    pub email: String,
    /// Will prove to be the user.
    pub password: Secret,
}

impl Bank {
    /// Creates a user, and in the same transaction the task that sends the verification mail; with a direct delivery
    /// beside the transaction, before its commit or after it.
    ///
    /// With an idempotency key the request may be sent again for a day: it is done once, and answered
    /// with the user as created then, if the password is the user's.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every violation; [`ServiceError::AlreadyExists`];
    /// [`ServiceError::IdempotencyKeyReused`], also if the password is another;
    /// [`ServiceError::IdempotencyKeyInFlight`]; [`ServiceError::Overloaded`]; [`ServiceError::Unavailable`]; [`ServiceError::Internal`];
    /// [`ServiceError::NotEnqueued`], after which the user is there all the same if the task was to follow the commit.
    pub async fn create_user(
        &self,
        request: CreateUser,
        key: Option<String>,
    ) -> Result<Answer<User>, ServiceError> {
        let draft = Draft::parse(&request, key.as_deref())?;
        match draft.scope() {
            Some(scope) => self.create_user_once(&draft, &scope).await,
            None => {
                let hash = self.hash_password(&draft).await?;
                let user = until_it_goes_through(|| self.store_user(&draft, &hash)).await?;
                Ok(Answer { value: user, replay: Replay::Fresh })
            }
        }
    }

    async fn create_user_once(&self, draft: &Draft, scope: &Scope) -> Result<Answer<User>, ServiceError> {
        let turn = self.enter(scope).await?;
        if let Some(record) = self.find_record(scope).await? {
            drop(turn);
            return self.replay_user(draft, &record).await;
        }
        let hash = self.hash_password(draft).await?;
        let stored = until_it_goes_through(|| self.store_user_once(draft, &hash, scope)).await?;
        drop(turn);
        match stored {
            Stored::User(user) => Ok(Answer { value: user, replay: Replay::Fresh }),
            Stored::Before(record) => self.replay_user(draft, &record).await,
        }
    }

    async fn store_user(&self, draft: &Draft, hash: &PasswordHash) -> Result<User, ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(DOING))?;
        let user = self.insert_user(&mut tx, draft, hash).await?;
        self.commit_with_task(tx, &user).await?;
        Ok(user)
    }

    async fn store_user_once(
        &self,
        draft: &Draft,
        hash: &PasswordHash,
        scope: &Scope,
    ) -> Result<Stored, ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(DOING))?;
        let fingerprint = self.fingerprint(&draft.fields());
        let claim = idempotency::claim(&mut tx, scope, &fingerprint, self.key_life()).await;
        match claim.map_err(ServiceError::store(DOING))? {
            Claim::Claimed => {}
            Claim::Used(record) => {
                // Another process was faster.
                tx.rollback().await.map_err(ServiceError::store(DOING))?;
                return Ok(Stored::Before(record));
            }
            Claim::InFlight => return Err(ServiceError::IdempotencyKeyInFlight),
        }
        let user = self.insert_user(&mut tx, draft, hash).await?;
        let response = StoredUser::write(&user).map_err(ServiceError::internal(DOING))?;
        idempotency::complete(&mut tx, scope, &response).await.map_err(ServiceError::store(DOING))?;
        self.commit_with_task(tx, &user).await?;
        Ok(Stored::User(user))
    }

    async fn find_record(&self, scope: &Scope) -> Result<Option<Record>, ServiceError> {
        let mut reader = self.parts().store.reader().await.map_err(ServiceError::store(DOING))?;
        let now = self.parts().clock.now();
        idempotency::find(reader.conn(), scope, now).await.map_err(ServiceError::store(DOING))
    }

    /// Hashes outside any transaction: it takes longer than everything else together.
    async fn hash_password(&self, draft: &Draft) -> Result<PasswordHash, ServiceError> {
        self.parts().passwords.hash(&draft.password).await.map_err(ServiceError::password(DOING))
    }

    async fn insert_user(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        hash: &PasswordHash,
    ) -> Result<User, ServiceError> {
        let now = self.parts().clock.now();
        let insertion =
            users::insert(tx, &draft.user, hash, now).await.map_err(ServiceError::store(DOING))?;
        match insertion {
            Insertion::Inserted(user) => Ok(user),
            Insertion::Taken(taken) => Err(ServiceError::AlreadyExists(taken)),
        }
    }

    /// Asks for the mail and commits. The deliveries differ in the order of the two, and in what that can lose.
    async fn commit_with_task(&self, mut tx: Tx, user: &User) -> Result<(), ServiceError> {
        let task = self.parts().tasks.distribute_send_verify_email(&mut tx, &user.username).await;
        let task = task.map_err(ServiceError::not_written(DOING, self.parts().tasks.writes_to()))?;
        if let Progress::AtOnce(task) = &task {
            task.log();
        }
        failpoint!("create_user.before_commit").await.map_err(ServiceError::internal(DOING))?;
        tx.commit().await.map_err(ServiceError::store(DOING))?;
        failpoint!("create_user.after_commit").await.map_err(ServiceError::internal(DOING))?;
        match task {
            Progress::WithCommit(task) => task.log(),
            // Some worker may even have run it by now, and found no user.
            Progress::AtOnce(_) => {}
            // The user stays, whatever comes of this.
            Progress::AfterCommit(task) => {
                task.enqueue().await.map_err(ServiceError::not_enqueued(DISTRIBUTING))?.log();
            }
        }
        Ok(())
    }

    /// The answer of the first request, for whoever knows what was asked and the password.
    async fn replay_user(&self, draft: &Draft, record: &Record) -> Result<Answer<User>, ServiceError> {
        if !self.is_same_request(record, &draft.fields()) {
            return Err(ServiceError::IdempotencyKeyReused);
        }
        let username = draft.user.username.as_str();
        let mut reader = self.parts().store.reader().await.map_err(ServiceError::store(DOING))?;
        let hash = users::find_password(reader.conn(), username).await.map_err(ServiceError::store(DOING))?;
        drop(reader);
        let Some(hash) = hash else { return Err(ServiceError::IdempotencyKeyReused) };
        let verified = self.parts().passwords.verify(&draft.password, &hash).await;
        if !verified.map_err(ServiceError::password(DOING))? {
            return Err(ServiceError::IdempotencyKeyReused);
        }
        let user = StoredUser::read(&record.response).map_err(ServiceError::internal(DOING))?;
        Ok(Answer { value: user, replay: Replay::Replayed })
    }
}

/// What became of a request with an idempotency key.
enum Stored {
    /// It was done now.
    User(User),
    /// It was done by another process meanwhile.
    Before(Record),
}

/// A request that obeys the rules.
struct Draft {
    user: NewUser,
    password: Password,
    key: Option<IdempotencyKey>,
}

impl Draft {
    fn parse(request: &CreateUser, key: Option<&str>) -> Result<Self, ServiceError> {
        let username = Username::parse(&request.username).map_err(Fault::at("username"));
        let full_name = FullName::parse(&request.full_name).map_err(Fault::at("full_name"));
        let email = EmailAddress::parse(&request.email).map_err(Fault::at("email"));
        let password = Password::parse(&request.password).map_err(Fault::at("password"));
        let key = key.map(IdempotencyKey::parse).transpose().map_err(Fault::at("idempotency-key"));
        match (username, full_name, email, password, key) {
            (Ok(username), Ok(full_name), Ok(email), Ok(password), Ok(key)) => {
                Ok(Self { user: NewUser { username, full_name, email }, password, key })
            }
            (username, full_name, email, password, key) => {
                let violations = [username.err(), full_name.err(), email.err(), password.err(), key.err()];
                Err(ServiceError::Invalid(violations.into_iter().flatten().collect()))
            }
        }
    }

    fn scope(&self) -> Option<Scope> {
        let caller = self.user.username.as_str().to_owned();
        self.key.clone().map(|key| Scope { caller, method: METHOD, key })
    }

    /// What makes two requests the same one. The password is not among it: see [`Bank::replay_user`].
    fn fields(&self) -> [&str; 4] {
        let user = &self.user;
        [METHOD, user.username.as_str(), user.full_name.as_str(), user.email.as_str()]
    }
}

/// The answer as it is kept with the idempotency key.
#[derive(Serialize, Deserialize)]
struct StoredUser {
    username: String,
    full_name: String,
    email: String,
    password_changed_at: i64,
    created_at: i64,
    is_email_verified: bool,
    role: String,
}

impl StoredUser {
    fn write(user: &User) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Self {
            username: user.username.clone(),
            full_name: user.full_name.clone(),
            email: user.email.clone(),
            password_changed_at: user.password_changed_at.as_micros(),
            created_at: user.created_at.as_micros(),
            is_email_verified: user.is_email_verified,
            role: user.role.as_str().to_owned(),
        })
    }

    fn read(text: &str) -> Result<User, Box<dyn Error + Send + Sync>> {
        let stored: Self = serde_json::from_str(text)?;
        Ok(User {
            role: Role::parse(&stored.role).ok_or("stored answer has an unknown role")?,
            username: stored.username,
            full_name: stored.full_name,
            email: stored.email,
            password_changed_at: Timestamp::from_micros(stored.password_changed_at),
            created_at: Timestamp::from_micros(stored.created_at),
            is_email_verified: stored.is_email_verified,
        })
    }
}
