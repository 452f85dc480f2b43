//! A bounded pool for password hashing: off the reactor, as many at once as there are cores, and a
//! short queue that turns callers away when it is full.

use super::cost::Cost;
use crate::domain::password::{Password, PasswordHash};
use crate::token::entropy::Entropy;
use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash};
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many hashes may wait for each thread: at 25 ms a hash the last in line waits 1.6 s, which a
/// caller still bears; a longer queue would only be full of callers who have gone.
const QUEUE_PER_THREAD: usize = 64;

const SALT_BYTES: usize = 16;

/// How much hashing may happen at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Hashes computed at the same time. Each takes a core, and the memory of its [`Cost`].
    pub threads: NonZeroUsize,
    /// Hashes that may wait for a thread.
    pub queue: usize,
}

impl PoolLimits {
    /// A thread for each core of this machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, queue: threads.get() * QUEUE_PER_THREAD }
    }
}

/// Why a password was not hashed or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Too many hashes are waiting.
    #[error("too many password hashes are waiting")]
    Overloaded,
    /// Anything else: no random bytes, no memory, a stored hash that cannot be read.
    #[error("failed to hash a password")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Hashes and verifies passwords. Cheap to clone; all clones share the limits.
#[derive(Debug, Clone)]
pub struct PasswordPool {
    hasher: Argon2<'static>,
    entropy: Arc<dyn Entropy>,
    /// A permit for each hash that runs or waits.
    admitted: Arc<Semaphore>,
    /// A permit for each hash that runs.
    running: Arc<Semaphore>,
}

impl PasswordPool {
    /// A pool that hashes at this cost, within these limits.
    #[must_use]
    pub fn new(cost: &Cost, limits: PoolLimits, entropy: Arc<dyn Entropy>) -> Self {
        let threads = limits.threads.get();
        Self {
            hasher: cost.hasher(),
            entropy,
            admitted: Arc::new(Semaphore::new(
                threads.saturating_add(limits.queue).min(Semaphore::MAX_PERMITS),
            )),
            running: Arc::new(Semaphore::new(threads.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once, if too many are waiting.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt).map_err(|error| PasswordError::Failed(error.into()))?;
        let (hasher, password) = (self.hasher.clone(), password.clone());
        let hash: password_hash::Result<phc::PasswordHash> =
            self.run(move || hasher.hash_password_with_salt(password.as_bytes(), &salt)).await?;
        let hash = hash.map_err(|error| PasswordError::Failed(error.into()))?;
        Ok(PasswordHash::from_stored(hash.to_string()))
    }

    /// Whether this is the password that was hashed. The cost is that of the stored hash.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once, if too many are waiting.
    pub async fn verify(&self, password: &Password, stored: &PasswordHash) -> Result<bool, PasswordError> {
        let (hasher, password, stored) = (self.hasher.clone(), password.clone(), stored.clone());
        let verified = self
            .run(move || {
                let stored = phc::PasswordHash::new(stored.as_str())
                    .map_err(|_| password_hash::Error::EncodingInvalid)?;
                hasher.verify_password(password.as_bytes(), &stored)
            })
            .await?;
        match verified {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(PasswordError::Failed(error.into())),
        }
    }

    /// The permits travel with the work: if the caller goes away, a hash that waits is never begun, and
    /// one that runs keeps its place until it is done.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| PasswordError::Overloaded)?;
        let thread = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|error| PasswordError::Failed(error.into()))?;
        let work = move || {
            let _permits = (place, thread);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| PasswordError::Failed(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::token::entropy::OsEntropy;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    fn pool(threads: usize, queue: usize) -> PasswordPool {
        let cost = "argon2id:m=8,t=1,p=1".parse().unwrap();
        let limits = PoolLimits { threads: NonZeroUsize::new(threads).unwrap(), queue };
        PasswordPool::new(&cost, limits, Arc::new(OsEntropy))
    }

    fn password(text: &str) -> Password {
        Password::parse(&Secret::new(text)).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_against_its_own_hash_only() {
        let pool = pool(1, 10);
        let hash = pool.hash(&password("secret123")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hash.as_str());
        assert!(pool.verify(&password("secret123"), &hash).await.unwrap());
        assert!(!pool.verify(&password("secret124"), &hash).await.unwrap());
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let pool = pool(1, 10);
        let (a, b) = (pool.hash(&password("secret123")).await, pool.hash(&password("secret123")).await);
        assert_ne!(a.unwrap().as_str(), b.unwrap().as_str());
    }

    #[tokio::test]
    async fn the_longest_password_counts_to_its_last_byte() {
        let pool = pool(1, 10);
        let long = "🦀".repeat(99);
        let hash = pool.hash(&password(&format!("{long}🦀"))).await.unwrap();
        assert!(pool.verify(&password(&format!("{long}🦀")), &hash).await.unwrap());
        assert!(!pool.verify(&password(&format!("{long}🦁")), &hash).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_made_at_another_cost_is_verified_at_its_own() {
        let dear = PasswordPool::new(
            &"argon2id:m=16,t=2,p=1".parse().unwrap(),
            PoolLimits::of_this_machine(),
            Arc::new(OsEntropy),
        );
        let hash = dear.hash(&password("secret123")).await.unwrap();
        assert!(pool(1, 1).verify(&password("secret123"), &hash).await.unwrap());
    }

    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_read_is_an_error_and_not_a_wrong_password() {
        let broken = PasswordHash::from_stored("plain text".into());
        let error = pool(1, 1).verify(&password("secret123"), &broken).await.unwrap_err();
        assert!(matches!(error, PasswordError::Failed(_)), "{error}");
    }

    /// Keeps one thread of the pool at work until the sender is used.
    async fn occupy(pool: &PasswordPool) -> (oneshot::Sender<()>, JoinHandle<()>) {
        let (begun, wait_begun) = oneshot::channel();
        let (release, wait_release) = oneshot::channel::<()>();
        let pool = pool.clone();
        let running = tokio::spawn(async move {
            let work = pool.run(move || (begun.send(()), wait_release.blocking_recv()));
            work.await.map(|_| ()).unwrap();
        });
        wait_begun.await.unwrap();
        (release, running)
    }

    #[tokio::test]
    async fn a_full_queue_turns_callers_away_at_once_and_opens_again() {
        let pool = pool(1, 1);
        let (release, running) = occupy(&pool).await;
        let secret = password("secret123");
        let mut waiting = Box::pin(pool.hash(&secret));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending(), "there is room for one to wait");
        assert!(matches!(pool.hash(&secret).await, Err(PasswordError::Overloaded)));

        release.send(()).unwrap();
        running.await.unwrap();
        waiting.await.unwrap();
        assert!(pool.hash(&secret).await.is_ok());
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_gives_up_the_place_in_the_queue() {
        let pool = pool(1, 1);
        let (release, running) = occupy(&pool).await;
        let secret = password("secret123");
        let mut gone = Box::pin(pool.hash(&secret));
        assert!(futures_util::poll!(gone.as_mut()).is_pending());
        drop(gone);
        let mut next = Box::pin(pool.hash(&secret));
        assert!(futures_util::poll!(next.as_mut()).is_pending(), "the place is free again");

        release.send(()).unwrap();
        running.await.unwrap();
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let pool = pool(1, 0);
        for _ in 0..3 {
            let result: Result<(), _> = pool.run(|| panic!("on purpose")).await;
            assert!(matches!(result, Err(PasswordError::Failed(_))), "{result:?}");
        }
    }
}
