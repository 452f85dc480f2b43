//! The auditor: judges a bank by its database and its mail directory alone.

use crate::database::{Database, Tables};
use crate::home::Home;
use crate::mails::Mail;
use std::collections::{BTreeMap, BTreeSet};

/// What there is, and what there should not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Users in the database.
    pub(crate) users: usize,
    /// Users without a mail.
    pub(crate) lost: usize,
    /// Mails to nobody who is a user.
    pub(crate) ghosts: usize,
    /// Addresses that were sent, or could be verified with, more than one code.
    pub(crate) two_codes: usize,
    /// Users who were told that they exist, and do not.
    pub(crate) missing: usize,
    /// Mails that were handed over more than once.
    pub(crate) duplicates: usize,
    /// Of these, those that no lost worker and no lost answer explains.
    pub(crate) unexplained: usize,
    /// Attempts that count as failed.
    pub(crate) burnt: usize,
    /// Tasks that were settled not at all, or more often than once.
    pub(crate) unsettled: usize,
}

impl Findings {
    /// The sum of what must be zero in every run. Duplicates may be explained.
    pub(crate) fn faults(&self) -> usize {
        self.lost
            + self.ghosts
            + self.two_codes
            + self.missing
            + self.unexplained
            + self.burnt
            + self.unsettled
    }
}

/// Judges a bank at rest. `earlier` are the mails that were there when its process was killed, `answered` the users
/// whose requests were answered with 200.
pub(crate) async fn judge(
    home: &Home,
    database: &Database,
    earlier: &[Mail],
    answered: &BTreeSet<String>,
) -> Findings {
    let (users, mails) = (users(database).await, home.mails());
    let addresses: BTreeSet<&str> = users.iter().map(|(_, address)| &**address).collect();
    let names: BTreeSet<&str> = users.iter().map(|(name, _)| &**name).collect();
    let reached: BTreeSet<&str> = mails.iter().map(|mail| &*mail.to).collect();
    let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for mail in earlier.iter().chain(&mails) {
        codes.entry(&mail.to).or_default().insert(mail.code());
    }
    let rows = database.number("SELECT count(*) FROM verify_emails").await;
    let queue = database.queue().await;
    let (processed, failed) = queue.map_or((0, 0), |queue| (queue.processed, queue.failed));
    Findings {
        users: users.len(),
        lost: addresses.difference(&reached).count(),
        ghosts: codes.keys().filter(|address| !addresses.contains(**address)).count(),
        two_codes: codes.values().filter(|codes| codes.len() > 1).count() + surplus(rows, users.len()),
        missing: answered.iter().filter(|name| !names.contains(&***name)).count(),
        duplicates: earlier.iter().filter(|mail| written_again(mail, &mails)).count(),
        // Only the log tells.
        unexplained: 0,
        burnt: usize::try_from(failed).unwrap(),
        unsettled: usize::try_from(processed).unwrap().abs_diff(users.len()),
    }
}

/// Names and addresses of the users, by name.
pub(crate) async fn users(database: &Database) -> Vec<(String, String)> {
    const USERS: &str = "SELECT username, email FROM users ORDER BY username";
    let users = match database.tables() {
        Tables::Sqlite(pools) => sqlx::query_as(USERS).fetch_all(&pools.readers).await,
        Tables::Postgres { pool, .. } => sqlx::query_as(USERS).fetch_all(pool).await,
    };
    users.unwrap()
}

/// A second row would be a second code that verifies.
fn surplus(rows: i64, users: usize) -> usize {
    usize::try_from(rows).unwrap().saturating_sub(users)
}

fn written_again(earlier: &Mail, mails: &[Mail]) -> bool {
    let now = mails.iter().find(|mail| mail.message_id == earlier.message_id);
    now.is_some_and(|now| now.written != earlier.written)
}
