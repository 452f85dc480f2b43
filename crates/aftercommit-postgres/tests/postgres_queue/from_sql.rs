//! Tasks enqueued with SQL: by psql, a trigger, a statement that does something else too.

use std::time::{Duration, Instant, SystemTime};

use aftercommit_core::{
    Broker, Clock, Enqueue, Inspect, LeaseGrant, NewTask, Options, Page, Placement, QueueName, Quota,
    RawTask, State, SystemClock, TaskId, TaskInfo, TaskType, Wake, WorkerId,
};
use futures_util::StreamExt;

use crate::kit::Kit;

const MINUTE: Duration = Duration::from_secs(60);

async fn pending(kit: &Kit, queue: &str) -> Vec<TaskInfo> {
    let queue = QueueName::new(queue).expect("a name");
    kit.queue.list(&queue, &State::Pending.into(), Page::first(100)).await.expect("list")
}

fn resolved(options: Options) -> Enqueue {
    let task_type = TaskType::new("mail:send").expect("a type");
    let task = RawTask { task_type, payload: r#"{"to": "alice"}"#.into() };
    NewTask::from(task).with(options).resolve(&Options::new(), SystemClock.now()).expect("it is valid")
}

/// What is in the columns of a task, or of a row of the outbox, without its numbers and moments of storing.
fn columns(kit: &Kit, table: &str, id: &str) -> String {
    let wanted = match table {
        "tasks" => "state, task_type, queue, options, group_name, payload, unique_key",
        _ => "state, task_type, queue, options, group_name, payload, unique_ms",
    };
    kit.psql(&format!("SELECT {wanted} FROM aftercommit.{table} WHERE id = '{id}'")).expect("it works")
}

/// Each the same in SQL and in Rust.
fn asked() -> Vec<(&'static str, Options)> {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(4_102_444_800_123);
    vec![
        ("", Options::new()),
        ("queue => 'critical', max_retry => 0", Options::new().queue("critical").max_retry(0)),
        ("timeout => '1.5 s'", Options::new().timeout(Duration::from_millis(1_500))),
        ("timeout => '30 min', max_retry => 25", Options::new()),
        ("deadline => '2100-01-01 00:00:00.123+00'", Options::new().deadline(deadline)),
        (
            "deadline => '2100-01-01 00:00:00.123+00', timeout => '30 min'",
            Options::new().deadline(deadline).timeout(30 * MINUTE),
        ),
        ("retention => '1 hour'", Options::new().retention(60 * MINUTE)),
        ("unique_for => '1 minute'", Options::new().unique_for(MINUTE)),
        ("group_name => 'digest', queue => 'groups'", Options::new().group("digest").queue("groups")),
        ("headers => '{}'", Options::new()),
        (
            r#"headers => '{"b": "tab\there", "A": "\"quoted\" \\ / ☃ é \u0001 \u007f", "aa": ""}'"#,
            Options::new()
                .header("b", "tab\there")
                .header("A", "\"quoted\" \\ / ☃ é \u{1} \u{7f}")
                .header("aa", ""),
        ),
        (
            "max_retry => 3, timeout => '1 s', deadline => '2100-01-01 00:00:00.123+00', retention => '1 ms',
             headers => '{\"k\": \"v\"}'",
            Options::new()
                .max_retry(3)
                .timeout(Duration::from_secs(1))
                .deadline(deadline)
                .retention(Duration::from_millis(1))
                .header("k", "v"),
        ),
    ]
}

#[tokio::test]
async fn what_sql_stores_is_byte_for_byte_what_rust_stores() {
    let kit = Kit::new().await;
    for (nth, (sql, options)) in asked().into_iter().enumerate() {
        let argument = if sql.is_empty() { String::new() } else { format!(", {sql}") };
        let call = format!("'mail:send', '{{\"to\": \"alice\"}}', id => 'sql-{nth}'{argument}");
        assert_eq!(
            kit.psql(&format!("SELECT aftercommit.enqueue({call})")).as_deref(),
            Ok(&*format!("sql-{nth}"))
        );
        let by_sql = columns(&kit, "tasks", &format!("sql-{nth}"));
        kit.psql("DELETE FROM aftercommit.unique_locks").expect("it works");
        let new = resolved(options.clone().id(format!("rust-{nth}")));
        assert_eq!(kit.queue.enqueue(std::slice::from_ref(&new)).await.expect("enqueue"), [Ok(())]);
        assert_eq!(by_sql, columns(&kit, "tasks", &format!("rust-{nth}")), "{sql}");
        // And it reads back.
        let read = async |id: String| {
            let id = TaskId::new(id).expect("an id");
            kit.queue.get(&new.message.queue, &id).await.expect("get").expect("it is there").message
        };
        let (mut read, expected) = (read(format!("sql-{nth}")).await, read(format!("rust-{nth}")).await);
        read.id = expected.id.clone();
        assert_eq!(read, expected, "{sql}");

        kit.psql(&format!("SELECT aftercommit.enqueue_outbox({call})")).expect("it works");
        let outbox = aftercommit_postgres::PostgresOutbox::new(
            &aftercommit_postgres::PostgresOptions::parse(&kit.url).expect("the server's address"),
        );
        let mut conn = kit.pool.acquire().await.expect("a connection");
        let task = NewTask { task: raw(&new), options: options.id(format!("rust-{nth}")) };
        outbox.enqueue_batch_in(&mut conn, vec![task]).await.expect("it works")[0].as_ref().expect("stored");
        let [by_sql, by_rust] = ["sql", "rust"].map(|by| columns(&kit, "outbox", &format!("{by}-{nth}")));
        assert_eq!(by_sql, by_rust, "{sql}");
    }
}

fn raw(new: &Enqueue) -> RawTask {
    RawTask { task_type: new.message.task_type.clone(), payload: new.message.payload.clone() }
}

#[tokio::test]
async fn a_start_time_schedules_and_a_past_one_does_not() {
    let kit = Kit::new().await;
    let now = SystemClock.now();
    for (start, expected) in [
        ("process_in => '1 minute', unique_for => '2 minutes'", State::Scheduled),
        ("process_at => now() + interval '1 minute'", State::Scheduled),
        ("process_in => '1 minute', group_name => 'g'", State::Scheduled),
        ("process_in => '0'", State::Pending),
        ("process_at => now() - interval '1 year'", State::Pending),
    ] {
        let id = kit.psql(&format!("SELECT aftercommit.enqueue('t', '{{}}', {start})")).expect("it works");
        let id = TaskId::new(id).expect("an id");
        assert_eq!((id.as_str().len(), &id.as_str()[14..15]), (36, "7"), "{id}");
        let info = kit.queue.get(&QueueName::default(), &id).await.expect("get").expect("it is there");
        assert_eq!(info.state, expected, "{start}");
        if expected == State::Scheduled {
            let wait = info.next_process_at.expect("it is due").since(now);
            assert!(wait >= MINUTE && wait < 2 * MINUTE, "{start}: {wait:?}");
        }
    }
    let lock = "SELECT (until - aftercommit.moment(NULL)) / 1000 FROM aftercommit.unique_locks";
    assert!((170..=180).contains(&kit.number(lock).await), "the lock outlives the wait");
    let placed = resolved(Options::new().process_in(MINUTE));
    assert!(matches!(placed.placement, Placement::At(_)), "as in Rust");
}

#[tokio::test]
async fn a_conflict_is_a_unique_violation_or_ignored() {
    let kit = Kit::new().await;
    let call = |arguments: &str| kit.psql(&format!("SELECT aftercommit.enqueue('t', '{{}}', {arguments})"));
    assert_eq!(call("id => 'a', unique_for => '1 hour'").as_deref(), Ok("a"));
    let taken = call("id => 'a'").expect_err("it is taken");
    assert!(taken.contains("task id a is taken in queue default"), "{taken}");
    let held = call("unique_for => '1 hour'").expect_err("it is held");
    assert!(held.contains("a unique task of type t with the same payload exists in queue default"), "{held}");
    assert_eq!(call("id => 'a', on_conflict => 'ignore'").as_deref(), Ok(""));
    assert_eq!(call("unique_for => '1 hour', on_conflict => 'ignore'").as_deref(), Ok(""));
    let outbox =
        |more: &str| kit.psql(&format!("SELECT aftercommit.enqueue_outbox('t', '{{}}', id => 'a'{more})"));
    assert_eq!(outbox("").as_deref(), Ok("a"));
    let taken = outbox("").expect_err("it is taken");
    assert!(taken.contains("task id a is taken in queue default of the outbox"), "{taken}");
    assert_eq!(outbox(", on_conflict => 'ignore'").as_deref(), Ok(""));
    assert_eq!(pending(&kit, "default").await.len(), 1);
    let mut conn = kit.pool.acquire().await.expect("a connection");
    let again = sqlx::query("SELECT aftercommit.enqueue('t', '{}', id => 'a')").execute(&mut *conn).await;
    let again = again.expect_err("it is taken").into_database_error().expect("Postgres says so");
    assert_eq!((again.code().as_deref(), again.constraint()), (Some("23505"), Some("tasks_id")));
}

const USERS: &str = "CREATE TABLE users (username text PRIMARY KEY)";
const FOLDED: &str = "
    WITH u AS (INSERT INTO users VALUES ('alice'), ('bob') RETURNING username)
    SELECT aftercommit.enqueue('task:send_verify_email', jsonb_build_object('username', username), queue => 'critical')
      FROM u";
const TRIGGER: &str = "
    CREATE FUNCTION welcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM aftercommit.enqueue('mail:welcome', jsonb_build_object('username', NEW.username), max_retry => 5);
        RETURN NULL;
    END $$;
    CREATE TRIGGER welcome AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION welcome()";

#[tokio::test]
async fn an_insert_and_its_tasks_are_one_statement() {
    let kit = Kit::new().await;
    kit.psql(USERS).expect("it works");
    assert_eq!(kit.psql(FOLDED).expect("it works").lines().count(), 2);
    kit.psql(FOLDED).expect_err("the users exist, and so there are no more tasks");
    let tasks = pending(&kit, "critical").await;
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].message.payload, r#"{"username": "alice"}"#);
    assert_eq!(tasks[0].message.task_type.as_str(), "task:send_verify_email");
}

#[tokio::test]
async fn a_trigger_enqueues_for_every_row_that_commits() {
    let kit = Kit::new().await;
    kit.psql(USERS).expect("it works");
    kit.psql(TRIGGER).expect("it works");
    kit.psql("INSERT INTO users VALUES ('alice'), ('bob')").expect("it works");
    kit.psql("BEGIN; INSERT INTO users VALUES ('carol'); ROLLBACK").expect("it works");
    kit.psql(
        "BEGIN; INSERT INTO users VALUES ('dave'); SAVEPOINT s; INSERT INTO users VALUES ('erin');
         ROLLBACK TO s; COMMIT",
    )
    .expect("it works");
    let tasks = pending(&kit, "default").await;
    let payloads: Vec<_> = tasks.iter().map(|task| String::from_utf8_lossy(&task.message.payload)).collect();
    assert_eq!(payloads, ["alice", "bob", "dave"].map(|name| format!("{{\"username\": \"{name}\"}}")));
    assert!(tasks.iter().all(|task| task.message.max_retry == 5));
}

/// The best of some tries, since others use the machine too.
#[tokio::test]
async fn a_worker_finds_what_psql_enqueued_when_it_looks() {
    const PROMISE: Duration = Duration::from_millis(300);
    let kit = Kit::new().await;
    let quotas = [Quota { queue: QueueName::default(), count: 9 }];
    let grant = LeaseGrant { worker: WorkerId::from_stored("h:1:w"), duration: MINUTE };
    let mut wakes = kit.queue.wakes(Wake::Pending, &[QueueName::default()]);
    let mut best = Duration::MAX;
    for _ in 0..10 {
        kit.psql("SELECT aftercommit.enqueue('t', '{}')").expect("it works");
        let since = Instant::now();
        while kit.queue.dequeue(&quotas, &grant).await.expect("dequeue").is_empty() {
            tokio::time::timeout(MINUTE, wakes.next()).await.expect("a look").expect("hints do not end");
        }
        best = best.min(since.elapsed());
    }
    assert!(best < PROMISE, "{best:?}");
}
