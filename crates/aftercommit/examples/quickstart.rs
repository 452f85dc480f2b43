//! A task that starts when the transaction commits, and one that never exists because it was rolled back.
//!
//! `cargo run -p aftercommit --features sqlite --example quickstart`

use aftercommit::sqlite::SqliteQueue;
use aftercommit::{HandlerError, Router, State, StopHandle, Task, TaskContext, Worker};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

impl Task for Greet {
    const TYPE: &'static str = "greet:person";
}

/// What handlers share; here only a way to say that the work is done.
#[derive(Clone)]
struct App {
    greeted: watch::Sender<Option<String>>,
}

async fn greet(State(app): State<App>, context: TaskContext, task: Greet) -> Result<(), HandlerError> {
    if task.name.is_empty() {
        return Err(HandlerError::skip_retry("nobody to greet"));
    }
    println!("hello {}, from task {}", task.name, context.id());
    app.greeted.send_replace(Some(task.name));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let queue = SqliteQueue::open(dir.path().join("app.db")).await?;
    queue.migrate().await?;

    let (greeted, mut seen) = watch::channel(None);
    let router = Router::with_state(App { greeted }).route(greet);
    let worker = Worker::builder(queue.clone(), router).build()?;
    let stop: StopHandle = worker.stop_handle();
    let running = tokio::spawn(worker.run());

    let mut tx = queue.begin().await?;
    queue.enqueue_in(&mut tx, &Greet { name: "nobody".into() }).await?;
    tx.rollback().await?; // as if the task had never been asked for

    let mut tx = queue.begin().await?;
    queue.enqueue_in(&mut tx, &Greet { name: "Alice".into() }).await?;
    tx.commit().await?; // from here on the worker may start it

    seen.wait_for(Option::is_some).await?;
    stop.shutdown();
    running.await??;
    Ok(())
}
