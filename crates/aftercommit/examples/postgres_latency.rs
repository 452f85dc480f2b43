//! How long it takes from a commit on Postgres to the start of the task's handler: in the process that committed, in
//! another one that is told, and in another one whose host tells nobody. Starts a private Postgres, and itself a second
//! time as the one that commits.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use aftercommit::{Router, State, Task, Worker};
use aftercommit_servers::PostgresServer;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const COMMITS: u32 = 300;
/// Between two commits; no multiple of the pauses between looks.
const PAUSE: Duration = Duration::from_millis(37);

#[derive(Serialize, Deserialize)]
struct Note {
    number: u32,
}

impl Task for Note {
    const TYPE: &'static str = "latency:note";
}

/// When each handler began.
type Starts = Arc<Mutex<HashMap<u32, SystemTime>>>;

async fn handle(State(starts): State<Starts>, note: Note) {
    starts.lock().unwrap_or_else(PoisonError::into_inner).entry(note.number).or_insert(now());
}

#[expect(clippy::disallowed_methods, reason = "two processes have no other clock in common")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Who tells of a commit.
#[derive(Debug, Clone, Copy)]
enum Teller {
    Queue,
    Nobody,
}

/// Commits one task after the other, and says when each commit was acknowledged.
async fn commit(
    url: &str,
    teller: Teller,
    acknowledged: &mut impl FnMut(u32, SystemTime),
) -> Result<(), AnyError> {
    let queue = PostgresQueue::new(&PostgresOptions::parse(url)?);
    commit_on(&queue, &PgPool::connect(url).await?, teller, acknowledged).await
}

async fn commit_on(
    queue: &PostgresQueue,
    pool: &PgPool,
    teller: Teller,
    acknowledged: &mut impl FnMut(u32, SystemTime),
) -> Result<(), AnyError> {
    for number in 0..COMMITS {
        tokio::time::sleep(PAUSE).await;
        match teller {
            Teller::Queue => {
                let mut tx = queue.begin(pool).await?;
                queue.enqueue_in(&mut tx, &Note { number }).await?;
                tx.commit().await?;
            }
            Teller::Nobody => {
                let mut tx = pool.begin().await?;
                queue.enqueue_in(&mut tx, &Note { number }).await?;
                tx.commit().await?;
            }
        }
        acknowledged(number, now());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let words: Vec<String> = std::env::args().collect();
    if let [_, url, teller] = words.as_slice() {
        let teller = if teller == "queue" { Teller::Queue } else { Teller::Nobody };
        let mut out = std::io::stdout();
        return commit(url, teller, &mut |number, at| {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            // Whoever reads has gone if this fails.
            let _ = writeln!(out, "{number} {}", since.as_micros());
        })
        .await;
    }
    let server = PostgresServer::start()?;
    println!("{:<50} {:>8} {:>8} {:>8}", "commit to start of the handler, in ms", "p50", "p99", "max");
    let here = measure(&server, async |url, queue| {
        let mut acknowledged = HashMap::new();
        let pool = PgPool::connect(&url).await?;
        commit_on(&queue, &pool, Teller::Queue, &mut |number, at| {
            acknowledged.insert(number, at);
        })
        .await?;
        Ok(acknowledged)
    });
    show("in the process that committed", &here.await?);
    for (what, teller) in [("in another process", "queue"), ("in another process, told by nobody", "nobody")]
    {
        let there = measure(&server, async |url, _| by_another_process(&url, teller));
        show(what, &there.await?);
    }
    Ok(())
}

/// Runs a worker while somebody commits.
async fn measure(
    server: &PostgresServer,
    commits: impl AsyncFnOnce(String, PostgresQueue) -> Result<HashMap<u32, SystemTime>, AnyError>,
) -> Result<Vec<Duration>, AnyError> {
    let url = server.database_url()?;
    let queue = PostgresQueue::new(&PostgresOptions::parse(&url)?);
    queue.migrate().await?;
    let starts = Starts::default();
    let worker =
        Worker::builder(queue.clone(), Router::with_state(Arc::clone(&starts)).route(handle)).build()?;
    let (stop, running) = (worker.stop_handle(), tokio::spawn(worker.run()));
    let acknowledged = commits(url, queue).await?;
    let count = || starts.lock().unwrap_or_else(PoisonError::into_inner).len();
    while count() < acknowledged.len() {
        tokio::time::sleep(PAUSE).await;
    }
    stop.shutdown();
    running.await??;
    let starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
    // A handler may begin before the one who committed has heard that he has.
    let took = |(number, at): (&u32, &SystemTime)| starts[number].duration_since(*at).unwrap_or_default();
    Ok(acknowledged.iter().map(took).collect())
}

fn by_another_process(url: &str, teller: &str) -> Result<HashMap<u32, SystemTime>, AnyError> {
    let mut child =
        Command::new(std::env::current_exe()?).args([url, teller]).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().ok_or("the child has an output")?).lines();
    let acknowledged = tokio::task::block_in_place(|| {
        lines
            .map(|line| {
                let line = line?;
                let (number, micros) = line.split_once(' ').ok_or("a line has two words")?;
                Ok((number.parse()?, SystemTime::UNIX_EPOCH + Duration::from_micros(micros.parse()?)))
            })
            .collect::<Result<_, AnyError>>()
    })?;
    child.wait()?;
    Ok(acknowledged)
}

fn show(what: &str, took: &[Duration]) {
    let mut took: Vec<f64> = took.iter().map(|took| took.as_secs_f64() * 1_000.0).collect();
    took.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        took.get((took.len() as f64 * share) as usize).or(took.last()).copied().unwrap_or(f64::NAN)
    };
    println!("{what:<50} {:>8.2} {:>8.2} {:>8.2}", at(0.5), at(0.99), at(1.0));
}
