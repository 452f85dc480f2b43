//! Calls that took tasks and whose answers were lost: the tasks go back, and a call that comes too late takes none.

use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Enqueue, Inspect, LeaseGrant, Leased, NewTask, Options, Page, QueueName, Quota, State,
    SystemClock, WorkerId,
};
use aftercommit_postgres::PostgresQueue;
use aftercommit_postgres::internals::STATEMENTS;
use sqlx::{Connection as _, PgConnection};

use crate::kit::{Kit, task};

const LEASE: Duration = Duration::from_secs(3_600);

/// Lets a claim come to be once nobody holds the lock.
const GATE: &str = "
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE INSERT ON aftercommit.claims FOR EACH ROW EXECUTE FUNCTION gate()";

fn new(id: String) -> Enqueue {
    let task = NewTask::from(task()).with(Options::new().id(id));
    task.resolve(&Options::new(), SystemClock.now()).expect("it is valid")
}

async fn take(queue: &PostgresQueue, count: usize) -> Vec<Leased> {
    let grant = LeaseGrant { worker: WorkerId::from_stored("h:1:w"), duration: LEASE };
    queue.dequeue(&[Quota { queue: QueueName::default(), count }], &grant).await.expect("dequeue")
}

fn ids(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|leased| leased.lease.id.as_str()).collect()
}

#[tokio::test]
async fn tasks_of_an_answer_that_nobody_waited_for_go_back_before_the_next_are_taken() {
    let kit = Kit::new().await;
    let all: Vec<_> = (0..6).map(|n| new(n.to_string())).collect();
    kit.queue.enqueue(&all).await.expect("enqueue");
    let first = take(&kit.queue, 1).await;

    // The call takes tasks, and cannot say so before somebody else lets it.
    sqlx::raw_sql(GATE).execute(&kit.pool).await.expect("the gate");
    let mut gate = PgConnection::connect(&kit.url).await.expect("a connection");
    sqlx::raw_sql("SELECT pg_advisory_lock(1)").execute(&mut gate).await.expect("it locks");
    let call = tokio::spawn({
        let queue = kit.queue.clone();
        async move { take(&queue, 3).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event_type = 'Lock'";
    kit.until(async |kit| kit.number(waits).await == 1).await;
    call.abort();
    gate.close().await.expect("it lets go");
    let active = "SELECT count(*) FROM aftercommit.tasks WHERE leased_until > 0";
    kit.until(async |kit| kit.number(active).await == 4).await;

    let next = take(&kit.queue, 2).await;
    assert_eq!(ids(&next), ["1", "2"], "in their order, before those behind them");
    assert!(next.iter().all(|leased| leased.message.recovered == 0), "they did not run");
    let state = kit.queue.queue(&QueueName::default()).await.expect("it works").expect("it is known");
    let counts = (state.counts.get(State::Active), state.counts.get(State::Pending));
    assert_eq!(counts, (3, 3), "and only those");
    assert_eq!(ids(&take(&kit.queue, 9).await), ["3", "4", "5"]);
    let kept = kit.queue.extend(&[first[0].lease.clone()], LEASE).await.expect("extend");
    assert!(kept[0].is_ok(), "another call's task is still its worker's");
    let (queue, active) = (QueueName::default(), State::Active.into());
    let listed = kit.queue.list(&queue, &active, Page::first(9)).await.expect("a list");
    assert_eq!(listed.len(), 6);
}

#[tokio::test]
async fn claim_that_was_made_void_before_it_arrives_takes_nothing() {
    let kit = Kit::new().await;
    kit.queue.enqueue(&[new("a".to_owned())]).await.expect("enqueue");
    let statement = |wanted| STATEMENTS.iter().find(|(name, _)| *name == wanted).expect("it is there").1;
    let void = sqlx::query(statement("VOID_CLAIMS")).bind(vec![7_i64]).bind(None::<i64>).bind(60_000_i64);
    void.execute(&kit.pool).await.expect("it is void");
    // One connection, so that what failed has let go of the task before the next looks for it.
    let mut conn = PgConnection::connect(&kit.url).await.expect("a connection");
    let dequeue = |key: i64| {
        sqlx::query(statement("DEQUEUE_ONE"))
            .bind("h:1:w")
            .bind(None::<i64>)
            .bind(60_000_i64)
            .bind(key)
            .bind(2_000_i64)
            .bind("default")
            .bind(1_i64)
            .bind(0_i64)
    };
    sqlx::query(statement("JOIN"))
        .bind("h:1:w")
        .bind(None::<i64>)
        .execute(&kit.pool)
        .await
        .expect("it joins");
    let late = dequeue(7).fetch_all(&mut conn).await.expect_err("it is refused");
    assert_eq!(late.as_database_error().and_then(|error| error.code()).as_deref(), Some("23505"));
    let taken = dequeue(8).fetch_all(&mut conn).await.expect("it takes");
    assert_eq!(taken.len(), 1, "the task was left where it was");
}
