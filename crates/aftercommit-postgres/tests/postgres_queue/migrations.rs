//! The tables are made once, whoever comes first.

use aftercommit_postgres::{PostgresOptions, PostgresQueue};

use crate::kit::{Kit, task};

#[tokio::test]
async fn processes_that_start_together_take_turns() {
    let kit = Kit::empty().await;
    let handle = || PostgresQueue::new(&PostgresOptions::parse(&kit.url).expect("the server's address"));
    let handles: Vec<_> = (0..8).map(|_| handle()).collect();
    let migrations = handles.iter().map(|queue| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.migrate().await })
    });
    for migration in migrations.collect::<Vec<_>>() {
        migration.await.expect("it ends").expect("it migrates");
    }
    kit.queue.migrate().await.expect("again changes nothing");
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.enqueue_raw_in(&mut tx, task()).await.expect("it is stored");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 0, "not before the commit");
    tx.commit().await.expect("it commits");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 1);
}

#[tokio::test]
async fn missing_tables_are_an_error_that_says_what_to_do() {
    let kit = Kit::empty().await;
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    let error = kit.queue.enqueue_raw_in(&mut tx, task()).await.expect_err("there is no table");
    assert!(format!("{error:?}").contains("run migrate()"), "{error:?}");
}
