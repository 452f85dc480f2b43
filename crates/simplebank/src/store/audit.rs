//! Looking for rows that break the rules: those that were there before a rule was, and money that does not add up.

use super::{Source, StoreError, postgres, sqlite};

/// How many rows are named of those that break the same rule.
pub const NAMED_MAX: usize = 100;

/// Rows that break one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, as it should be.
    pub rule: &'static str,
    /// What breaks it, one line each, at most [`NAMED_MAX`]. No address and no amount of more than the rule is about.
    pub rows: Vec<String>,
    /// How many there are.
    pub count: usize,
}

impl Finding {
    /// The finding about these rows, if there are any.
    pub(super) fn of(rule: &'static str, mut rows: Vec<String>) -> Option<Self> {
        let count = rows.len();
        rows.truncate(NAMED_MAX);
        (count > 0).then_some(Self { rule, rows, count })
    }
}

/// Everything that breaks a rule, as of one moment. Changes nothing, and needs no more than the tables of the first five
/// migrations: a database can be looked at before it is taken over.
///
/// # Errors
/// The database cannot be read, or has no such tables.
pub async fn audit(source: &Source) -> Result<Vec<Finding>, StoreError> {
    match source {
        Source::Sqlite(path) => sqlite::audit::audit(path).await,
        Source::Postgres(source) => postgres::audit::audit(source).await,
    }
}

// The rules, in the words of both back-ends.
pub(super) const USERNAMES: &str = "a username has 3 to 100 lower-case letters, digits or underscores";
pub(super) const ROLES: &str = "a role is depositor or banker";
pub(super) const MAILBOXES: &str = "a mailbox belongs to one user, however its address is capitalised";
pub(super) const CURRENCIES: &str = "a currency is USD, EUR or CAD";
pub(super) const OVERDRAFTS: &str = "a balance is not negative";
pub(super) const BALANCES: &str = "a balance is the sum of the account's entries";
pub(super) const AMOUNTS: &str = "a transfer moves a positive amount between two accounts of one currency";
pub(super) const SUMS: &str = "the entries of a currency add up to zero";
