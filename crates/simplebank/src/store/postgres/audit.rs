//! Rows that break the rules, on Postgres.

use super::{PostgresSource, link, open};
use crate::store::audit::{
    AMOUNTS, BALANCES, CURRENCIES, Finding, MAILBOXES, OVERDRAFTS, ROLES, SUMS, USERNAMES,
};
use crate::store::{Place, StoreError, statements};
use std::time::Duration;

statements! {
    BAD_USERNAMES =
        "SELECT 'user ' || username FROM users WHERE username !~ '^[a-z0-9_]{3,100}$' ORDER BY 1";
    BAD_ROLES =
        "SELECT 'user ' || username || ': ' || role FROM users WHERE role NOT IN ('depositor', 'banker') ORDER BY 1";
    SHARED_MAILBOXES =
        "SELECT 'users ' || string_agg(username, ', ' ORDER BY created_at, username) FROM users
         GROUP BY lower(email COLLATE \"C\") HAVING count(*) > 1 ORDER BY 1";
    BAD_CURRENCIES =
        "SELECT 'account ' || id || ': ' || currency FROM accounts
         WHERE currency NOT IN ('USD', 'EUR', 'CAD') ORDER BY id";
    NEGATIVE_BALANCES =
        "SELECT 'account ' || id || ': ' || balance || ' ' || currency FROM accounts WHERE balance < 0 ORDER BY id";
    UNEXPLAINED_BALANCES =
        "SELECT 'account ' || a.id || ': balance ' || a.balance || ', entries ' || coalesce(e.sum, 0)
         FROM accounts a LEFT JOIN (SELECT account_id, sum(amount) FROM entries GROUP BY account_id) e
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

/// One moment for all of it, and nobody waits for us.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(10 * 60);

pub(in crate::store) async fn audit(source: &PostgresSource) -> Result<Vec<Finding>, StoreError> {
    let place = Place::server(source.direct());
    let pool = open::direct(source).await.map_err(link::explain(&place))?;
    let mut tx = link::answer(&place, source.limits.acquire, pool.begin_with(BEGIN)).await?;
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
        let rows = link::answer(&place, LOOK_MAX, sqlx::query_scalar(sql).fetch_all(&mut *tx)).await?;
        findings.extend(Finding::of(rule, rows));
    }
    link::answer(&place, source.limits.statement, tx.rollback()).await?;
    pool.close().await;
    Ok(findings)
}
