//! Handlers, middleware, and faults that show at start.

use std::time::Duration;

use aftercommit::{
    FromRef, Next, Options, QueueName, RawTask, Router, State, Task, TaskContext, TaskId, TaskState,
    TaskType, from_fn,
};
use serde::{Deserialize, Serialize};

use crate::harness::{Bench, Log, Note, note, start};

#[derive(Serialize, Deserialize)]
struct Other;

impl Task for Other {
    const TYPE: &'static str = "other:thing";
}

fn raw(task_type: &str, payload: &'static str) -> RawTask {
    RawTask { task_type: TaskType::new(task_type).unwrap(), payload: payload.into() }
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_the_parts_it_asks_for() {
    #[derive(Clone)]
    struct App {
        log: Log,
        name: String,
    }
    impl FromRef<App> for Log {
        fn from_ref(app: &App) -> Self {
            app.log.clone()
        }
    }
    async fn take(
        State(log): State<Log>,
        State(app): State<App>,
        id: TaskId,
        queue: QueueName,
        context: TaskContext,
        task: Note,
    ) {
        log.add(format!(
            "{} {id} {queue} {} {}/{} {}",
            app.name,
            task.text,
            context.retried(),
            context.max_retry(),
            context.headers()["trace"]
        ));
    }
    let bench = Bench::new();
    let log = Log::default();
    let router = Router::with_state(App { log: log.clone(), name: "app".to_owned() }).route(take);
    let worker = start(bench.worker(router));
    bench.client.enqueue(&note("hello")).id("id-1").max_retry(4).header("trace", "t1").await.unwrap();
    assert_eq!(log.reaches(1).await, ["app id-1 default hello 0/4 t1"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_exact_type_wins_over_the_longest_prefix() {
    let bench = Bench::new();
    let log = Log::default();
    let prefix = |name: &'static str, log: &Log| {
        let log = log.clone();
        move |context: TaskContext| {
            let log = log.clone();
            async move { log.add(format!("{name} {}", context.task_type())) }
        }
    };
    let router = Router::with_state(log.clone())
        .route(async |State(log): State<Log>, _: Note| log.add("exact"))
        .route_prefix("note:", prefix("short", &log))
        .route_prefix("note:take:", prefix("long", &log));
    let worker = start(bench.worker(router).concurrency(1));
    for task_type in ["note:take", "note:take:all", "note:other"] {
        bench.client.enqueue_raw(raw(task_type, "{\"text\":\"\"}")).await.unwrap();
    }
    assert_eq!(log.reaches(3).await, ["exact", "long note:take:all", "short note:other"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn layers_wrap_the_handlers_and_the_last_added_is_outermost() {
    let bench = Bench::new();
    let log = Log::default();
    let named = |name: &'static str, log: &Log| {
        let log = log.clone();
        from_fn(move |context: TaskContext, next: Next| {
            let log = log.clone();
            async move {
                log.add(format!("{name} in"));
                let result = next.run(context).await;
                log.add(format!("{name} out {}", result.is_ok()));
                result
            }
        })
    };
    let router = Router::with_state(log.clone())
        .route(async |State(log): State<Log>, _: Note| log.add("handler"))
        .layer(named("inner", &log))
        .layer(named("outer", &log));
    let worker = start(bench.worker(router));
    bench.client.enqueue(&note("a")).await.unwrap();
    let entries = log.reaches(5).await;
    assert_eq!(entries, ["outer in", "inner in", "handler", "inner out true", "outer out true"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_payload_is_archived_and_an_unknown_type_is_retried() {
    let bench = Bench::new();
    let worker = start(bench.worker(Router::new().route(async |_: Note| {})));
    let broken = bench.client.enqueue_raw(raw("note:take", "not json")).await.unwrap();
    let unknown = bench.client.enqueue_raw(raw("nobody:knows", "{}")).await.unwrap();
    let archived = bench.reaches(&broken, TaskState::Archived).await;
    assert!(archived.message.last_error.unwrap().starts_with("cannot decode payload"));
    let waiting = bench.reaches(&unknown, TaskState::Retry).await;
    assert_eq!(waiting.message.last_error.as_deref(), Some("no handler for task type nobody:knows"));
    worker.shut_down().await;
}

#[tokio::test]
async fn faults_of_assembly_show_before_the_start_all_at_once() {
    let bench = Bench::new();
    let router = Router::new().route(async |_: Note| {}).route(async |_: Note| {});
    let builder =
        bench.worker(router).requires::<Other>().concurrency(0).queue(" ", 1).lease(Duration::from_millis(9));
    let error = builder.build().unwrap_err().to_string();
    for fault in ["note:take has two handlers", "other:thing", "concurrency", "lease", "queue name"] {
        assert!(error.contains(fault), "{error}");
    }
    let huge = bench.worker(Router::new().route(async |_: Note| {})).concurrency(usize::MAX);
    assert!(huge.build().unwrap_err().to_string().contains("concurrency is above"));
    let empty = bench.worker(Router::new()).build().unwrap_err().to_string();
    assert!(empty.contains("no handler"), "{empty}");
}

#[tokio::test(start_paused = true)]
async fn call_type_and_client_options_combine() {
    #[derive(Serialize, Deserialize)]
    struct Typed;
    impl Task for Typed {
        const TYPE: &'static str = "typed:one";
        fn options() -> Options {
            Options::new().queue("typed").max_retry(3)
        }
    }
    let bench = Bench::new();
    let client = bench.client.clone().with_defaults(Options::new().queue("client").max_retry(9));
    let typed = client.enqueue(&Typed).await.unwrap();
    assert_eq!((typed.queue.as_str(), typed.max_retry), ("typed", 3));
    let called = client.enqueue(&Typed).queue("call").await.unwrap();
    assert_eq!((called.queue.as_str(), called.max_retry), ("call", 3));
    let plain = client.enqueue_raw(raw("plain:one", "")).await.unwrap();
    assert_eq!((plain.queue.as_str(), plain.max_retry), ("client", 9));
}
