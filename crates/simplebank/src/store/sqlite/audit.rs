//! Rows that break the rules, on SQLite.

use super::{explain, open};
use crate::store::audit::{
    AMOUNTS, BALANCES, CURRENCIES, Finding, MAILBOXES, OVERDRAFTS, ROLES, SUMS, USERNAMES,
};
use crate::store::{Fault, Place, StoreError, statements};
use std::path::Path;

statements! {
    BAD_USERNAMES =
        "SELECT 'user ' || username FROM users
         WHERE length(username) NOT BETWEEN 3 AND 100 OR username GLOB '*[^a-z0-9_]*' ORDER BY 1";
    BAD_ROLES =
        "SELECT 'user ' || username || ': ' || role FROM users WHERE role NOT IN ('depositor', 'banker') ORDER BY 1";
    SHARED_MAILBOXES =
        "SELECT 'users ' || group_concat(username, ', ') FROM (SELECT * FROM users ORDER BY created_at, username)
         GROUP BY lower(email) HAVING count(*) > 1 ORDER BY 1";
    BAD_CURRENCIES =
        "SELECT 'account ' || id || ': ' || currency FROM accounts
         WHERE currency NOT IN ('USD', 'EUR', 'CAD') ORDER BY id";
    NEGATIVE_BALANCES =
        "SELECT 'account ' || id || ': ' || balance || ' ' || currency FROM accounts WHERE balance < 0 ORDER BY id";
    UNEXPLAINED_BALANCES =
        "SELECT 'account ' || a.id || ': balance ' || a.balance || ', entries ' || coalesce(e.sum, 0)
         FROM accounts a LEFT JOIN (SELECT account_id, sum(amount) AS sum FROM entries GROUP BY account_id) e
         ON e.account_id = a.id
         WHERE a.balance <> coalesce(e.sum, 0) ORDER BY a.id";
    BAD_TRANSFERS =
        "SELECT 'transfer ' || t.id || ': ' || t.amount || ' from account ' || f.id || ' (' || f.currency
             || ') to account ' || o.id || ' (' || o.currency || ')'
         FROM transfers t JOIN accounts f ON f.id = t.from_account_id JOIN accounts o ON o.id = t.to_account_id
         WHERE t.amount <= 0 OR f.id = o.id OR f.currency <> o.currency ORDER BY t.id";
    UNBALANCED_CURRENCIES =
        "SELECT a.currency || ': ' || sum(e.amount) FROM entries e JOIN accounts a ON a.id = e.account_id
         GROUP BY a.currency HAVING sum(e.amount) <> 0 ORDER BY 1";
}

pub(in crate::store) async fn audit(path: &Path) -> Result<Vec<Finding>, StoreError> {
    let place = Place::file(path);
    if !path.exists() {
        return Err(StoreError::new(&place, Fault::NoFile));
    }
    let pools = open::open(path, open::BUSY_TIMEOUT).await?;
    // One moment for all of it.
    let mut tx = pools.readers.begin().await.map_err(explain(&place))?;
    let mut findings = Vec::new();
    for (rule, sql) in [
        (USERNAMES, BAD_USERNAMES),
        (ROLES, BAD_ROLES),
        (MAILBOXES, SHARED_MAILBOXES),
        (CURRENCIES, BAD_CURRENCIES),
        (OVERDRAFTS, NEGATIVE_BALANCES),
        (BALANCES, UNEXPLAINED_BALANCES),
        (AMOUNTS, BAD_TRANSFERS),
        (SUMS, UNBALANCED_CURRENCIES),
    ] {
        let rows = sqlx::query_scalar(sql).fetch_all(&mut *tx).await.map_err(explain(&place))?;
        findings.extend(Finding::of(rule, rows));
    }
    tx.rollback().await.map_err(explain(&place))?;
    pools.close().await;
    Ok(findings)
}
