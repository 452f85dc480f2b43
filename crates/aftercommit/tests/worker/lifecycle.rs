//! Start, quiet and stop.

use std::time::Duration;

use aftercommit::{Router, State, TaskState};
use tokio::sync::mpsc;

use crate::harness::{Bench, Log, Note, note, start};
use crate::spy::{Abilities, Spy};

/// Takes as many seconds as its text says.
fn timed(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(async |State(log): State<Log>, task: Note| {
        log.add(format!("start {}", task.text));
        tokio::time::sleep(Duration::from_secs(task.text.parse().unwrap())).await;
        log.add(format!("end {}", task.text));
    })
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_short_tasks_finish_and_gives_the_rest_back_untouched() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timed(&log)).concurrency(2).shutdown_timeout(Duration::from_secs(8)));
    let short = bench.client.enqueue(&note("3")).await.unwrap();
    let long = bench.client.enqueue(&note("600")).await.unwrap();
    log.reaches(2).await;
    let waiting = bench.client.enqueue(&note("1")).await.unwrap();
    let asked = bench.now();
    worker.shut_down().await;
    let took = bench.now().since(asked);
    assert!((Duration::from_secs(8)..Duration::from_secs(10)).contains(&took), "{took:?}");
    assert!(bench.task(&short).await.is_none(), "the short task finished");
    for unfinished in [&long, &waiting] {
        let task = bench.task(unfinished).await.unwrap();
        assert_eq!((task.state, task.message.retried), (TaskState::Pending, 0));
        assert_eq!(task.message.recovered, 0, "given back, not recovered");
    }
    assert_eq!(bench.counts("default").await, (1, 0));
    assert_eq!(log.entries(), ["start 3", "start 600", "end 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_running_tasks_is_immediate() {
    let bench = Bench::new();
    let worker = start(bench.worker(timed(&Log::default())));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = bench.now();
    worker.shut_down().await;
    assert!(bench.now().since(asked) < Duration::from_millis(100));
    let workers = bench.backend.presence().unwrap().workers().await.unwrap();
    assert!(workers.is_empty(), "it signed off");
}

#[tokio::test(start_paused = true)]
async fn prefetched_tasks_go_back_in_their_order() {
    let bench = Bench::new();
    let (started, mut starts) = mpsc::channel::<String>(1_000);
    let router =
        Router::with_state(started).route(async |State(started): State<mpsc::Sender<String>>, task: Note| {
            let _ = started.try_send(task.text.clone());
            if task.text == "block" {
                std::future::pending::<()>().await;
            }
        });
    // Many short tasks teach the worker to prefetch; then one blocks the only slot.
    for _ in 0..500 {
        bench.client.enqueue(&note("short")).await.unwrap();
    }
    bench.client.enqueue(&note("block")).await.unwrap();
    let mut after = Vec::new();
    for i in 0..20 {
        after.push(bench.client.enqueue(&note(&format!("after {i}"))).await.unwrap());
    }
    let worker = start(bench.worker(router).concurrency(1).shutdown_timeout(Duration::from_secs(1)));
    while starts.recv().await.unwrap() != "block" {}
    tokio::time::sleep(Duration::from_millis(100)).await;
    worker.shut_down().await;
    let page = aftercommit::Page::first(100);
    let pending = bench.backend.list(&after[0].queue, &TaskState::Pending.into(), page).await.unwrap();
    let ids: Vec<_> = pending.iter().map(|task| task.message.id.clone()).collect();
    let wanted: Vec<_> = after.iter().map(|task| task.id.clone()).collect();
    assert_eq!(pending.len(), 21);
    assert_eq!(ids.iter().filter(|id| wanted.contains(id)).cloned().collect::<Vec<_>>(), wanted);
}

#[tokio::test(start_paused = true)]
async fn what_a_fetch_under_way_brings_goes_back_behind_what_was_held() {
    // Wherever the task that holds the slot stands: for some, a fetch is under way when the worker stops.
    for block in (100..500).step_by(23) {
        let (bench, slow) = Spy::bench(Abilities::All);
        let (started, mut starts) = mpsc::channel::<String>(1_000);
        let router = Router::with_state((started, block.to_string())).route(
            async |State((started, block)): State<(mpsc::Sender<String>, String)>, task: Note| {
                let _ = started.try_send(task.text.clone());
                if task.text == block {
                    std::future::pending::<()>().await;
                }
            },
        );
        let mut tasks = Vec::new();
        for i in 0..1_000 {
            tasks.push(bench.client.enqueue(&note(&i.to_string())).await.unwrap());
        }
        let builder = bench.worker_over(slow, router).concurrency(1);
        let worker = start(builder.shutdown_timeout(Duration::from_secs(1)));
        while starts.recv().await.unwrap() != block.to_string() {}
        tokio::time::sleep(Duration::from_millis(5)).await;
        worker.shut_down().await;
        let page = aftercommit::Page::first(1_000);
        let pending = bench.backend.list(&tasks[0].queue, &TaskState::Pending.into(), page).await.unwrap();
        let ids: Vec<_> = pending.iter().map(|task| task.message.id.clone()).collect();
        let wanted: Vec<_> = tasks[block..].iter().map(|task| task.id.clone()).collect();
        assert_eq!(ids, wanted, "held up by {block}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_worker_finishes_what_it_has_and_takes_no_more() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timed(&log)));
    let running = bench.client.enqueue(&note("5")).await.unwrap();
    log.reaches(1).await;
    worker.stop.quiet();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = bench.client.enqueue(&note("1")).await.unwrap();
    bench.is_done(&running).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.task(&waiting).await.unwrap().state, TaskState::Pending);
    let present = bench.backend.presence().unwrap().workers().await.unwrap();
    assert_eq!(present.len(), 1, "it is still there");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_says_what_it_runs() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timed(&log)).concurrency(3).queue("default", 2).queue("other", 1));
    let task = bench.client.enqueue(&note("30")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let workers = bench.backend.presence().unwrap().workers().await.unwrap();
    let [info] = workers.as_slice() else { panic!("{workers:?}") };
    assert_eq!((info.concurrency, info.pid), (3, std::process::id()));
    assert_eq!(
        info.queues.iter().map(|(name, weight)| (name.as_str(), *weight)).collect::<Vec<_>>(),
        [("default", 2), ("other", 1)]
    );
    assert_eq!(info.running.iter().map(|running| running.id.clone()).collect::<Vec<_>>(), [task.id]);
    worker.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_immediate_whichever_loop_ends_first() {
    let bench = Bench::new();
    for _ in 0..200 {
        let worker = start(bench.worker(timed(&Log::default())));
        let task = bench.client.enqueue(&note("0")).await.unwrap();
        bench.is_done(&task).await;
        let asked = bench.now();
        worker.shut_down().await;
        let took = bench.now().since(asked);
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}
