//! The auditor on trial.

use crate::auditor::{Findings, judge};
use crate::database::{Database, Tables};
use crate::mails::Mail;
use crate::place;
use std::collections::BTreeSet;
use std::time::Duration;

/// An auditor who never objects is worth nothing.
#[tokio::test]
async fn auditor_notices_every_kind_of_fault() {
    let home = place::home();
    let bank = home.bank(&[]).await;
    for username in ["alice10", "bob10", "carol10"] {
        assert_eq!(bank.sign_up(username).await.0, 200);
    }
    let database = Database::open(&home).await;
    database.until_idle().await;
    let earlier = home.mails();
    let everybody: BTreeSet<String> = ["alice10", "bob10", "carol10"].map(str::to_owned).into();
    let judge = async |earlier: &[Mail]| judge(&home, &database, earlier, &everybody).await;
    assert_eq!(judge(&earlier).await, Findings { users: 3, ..Findings::default() });

    let mut forged = earlier.clone();
    forged[0].link.push('x');
    forged[1].written -= Duration::from_secs(1);
    let found = judge(&forged).await;
    assert_eq!((found.two_codes, found.duplicates, found.faults()), (1, 1, 1), "{found:?}");

    std::fs::remove_file(home.mail_to("alice10@email.com").path).unwrap();
    spoil(&database).await;
    let found = judge(&earlier).await;
    database.close().await;
    let expected =
        Findings { users: 2, lost: 1, ghosts: 1, missing: 1, burnt: 1, unsettled: 1, ..Findings::default() };
    assert_eq!(found, expected);
}

/// Deletes a user behind the bank's back, and counts a failed attempt that never was.
async fn spoil(database: &Database) {
    const CAROL: &str = "DELETE FROM verify_emails WHERE username = 'carol10'; \
                         DELETE FROM users WHERE username = 'carol10'";
    match database.tables() {
        Tables::Sqlite(pools) => {
            sqlx::raw_sql(CAROL).execute(&pools.writer).await.unwrap();
            let count = sqlx::query("UPDATE aftercommit_counts SET failed = 1");
            count.execute(&pools.writer).await.unwrap();
        }
        Tables::Postgres { pool, .. } => {
            sqlx::raw_sql(CAROL).execute(pool).await.unwrap();
            let count = "INSERT INTO aftercommit.count_changes (queue, day, processed, failed)
                         VALUES ('critical', extract(epoch FROM now())::bigint / 86400, 0, 1)";
            sqlx::query(count).execute(pool).await.unwrap();
        }
    }
}
