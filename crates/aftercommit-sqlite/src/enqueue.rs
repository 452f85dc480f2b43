//! Stores a batch of tasks on a connection, in whatever transaction that is in: one statement, and a
//! second one to learn which tasks were refused, if any were.

use std::collections::HashSet;
use std::fmt::Write;

use aftercommit_core::{Enqueue, Message, Placement, Refusal, Result, Timestamp};
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::batch::Batch;
use crate::error::failed;
use crate::row::{StoredOptions, code};
use crate::sql;

const DOING: &str = "enqueue tasks";

/// How many bytes of payloads go into one statement, if there is more than one; SQLite refuses a
/// gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

type Answer = Result<(), Refusal>;

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken.
pub(crate) async fn enqueue(
    conn: &mut SqliteConnection,
    batch: &[Enqueue],
    now: Timestamp,
) -> Result<Vec<Answer>> {
    let new: Vec<New<'_>> = batch.iter().map(New::of).collect();
    let mut answers = vec![Ok(()); new.len()];
    let mut waves = Waves::new(&new);
    while let Some(wave) = waves.next() {
        for (nth, refusal) in store(conn, &new, &wave, now).await? {
            answers[wave[nth]] = Err(refusal);
        }
        waves.learn(&wave, &answers);
    }
    Ok(answers)
}

/// A task to store, with the key of its lock, if it takes one.
struct New<'a> {
    task: &'a Enqueue,
    lock: Option<String>,
}

impl<'a> New<'a> {
    fn of(task: &'a Enqueue) -> Self {
        Self { task, lock: task.unique_for.map(|_| lock_key(&task.message)) }
    }

    fn id(&self) -> (&'a str, &'a str) {
        (self.task.message.queue.as_str(), self.task.message.id.as_str())
    }

    fn lock(&self) -> Option<(&'a str, &str)> {
        self.lock.as_deref().map(|key| (self.task.message.queue.as_str(), key))
    }

    /// A task that was never tried and takes no lock, as nearly all are.
    fn is_plain(&self) -> bool {
        let message = &self.task.message;
        self.lock.is_none() && message.retried == 0 && message.recovered == 0 && message.last_error.is_none()
    }
}

/// What a unique lock is about, beside the queue: a digest of type and payload, in hex.
fn lock_key(message: &Message) -> String {
    let mut digest = Sha256::new();
    // The length keeps a type that ends like a payload begins from meeting another such pair.
    digest.update((message.task_type.as_str().len() as u64).to_le_bytes());
    digest.update(message.task_type.as_str());
    digest.update(&message.payload);
    digest.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to memory does not fail");
        hex
    })
}

/// Splits a batch so that tasks which want the same id or the same lock see each other in order: one
/// statement judges all its tasks by what was there before it. Nearly every batch is a single wave.
struct Waves<'a> {
    new: &'a [New<'a>],
    open: Vec<usize>,
    /// Ids and locks of which is known that they are taken: who wants them is refused in any order.
    ids: HashSet<(&'a str, &'a str)>,
    locks: HashSet<(&'a str, &'a str)>,
}

impl<'a> Waves<'a> {
    fn new(new: &'a [New<'a>]) -> Self {
        Self { new, open: (0..new.len()).collect(), ids: HashSet::new(), locks: HashSet::new() }
    }

    /// The next tasks to store together, as places in the batch.
    fn next(&mut self) -> Option<Vec<usize>> {
        if self.open.len() <= 1 {
            return self.open.pop().map(|last| vec![last]);
        }
        let mut ids = HashSet::with_capacity(self.open.len());
        let (mut locks, mut bytes) = (HashSet::new(), 0);
        let (mut wave, mut later) = (Vec::with_capacity(self.open.len()), Vec::new());
        for &at in &self.open {
            let (id, lock) = (self.new[at].id(), self.new[at].lock());
            let first_with_id = ids.insert(id) || self.ids.contains(&id);
            let first_with_lock = lock.is_none_or(|lock| locks.insert(lock) || self.locks.contains(&lock));
            bytes += self.new[at].task.message.payload.len();
            let fits = bytes <= MAX_BYTES || wave.is_empty();
            if fits && first_with_id && first_with_lock { wave.push(at) } else { later.push(at) }
        }
        self.open = later;
        Some(wave)
    }

    /// Remembers what is taken now, for those that wait.
    fn learn(&mut self, wave: &[usize], answers: &[Answer]) {
        if self.open.is_empty() {
            return;
        }
        for &at in wave {
            let new = &self.new[at];
            if answers[at] != Err(Refusal::Duplicate) {
                self.ids.insert(new.id());
            }
            if answers[at] != Err(Refusal::IdConflict) {
                self.locks.extend(new.lock());
            }
        }
    }
}

/// Stores the tasks of one wave; tells those that were refused, by their place in the wave.
async fn store(
    conn: &mut SqliteConnection,
    new: &[New<'_>],
    wave: &[usize],
    now: Timestamp,
) -> Result<Vec<(usize, Refusal)>> {
    let plain = wave.iter().all(|&at| new[at].is_plain());
    let (json, blob) = encode(wave.iter().map(|&at| &new[at]), plain, now);
    let insert = if plain {
        sqlx::query(sql::ENQUEUE).bind(&json).bind(blob)
    } else {
        sqlx::query(sql::ENQUEUE_ANY).bind(&json).bind(blob).bind(now.as_millis())
    };
    let stored = insert.execute(&mut *conn).await.map_err(failed(DOING))?;
    if stored.rows_affected() == wave.len() as u64 {
        return Ok(Vec::new());
    }
    if let ([_], true) = (wave, plain) {
        return Ok(vec![(0, Refusal::IdConflict)]);
    }
    let last = (stored.rows_affected() > 0).then(|| stored.last_insert_rowid());
    let refused = sqlx::query_as::<_, (i64, bool)>(sql::REFUSED).bind(json).bind(last).fetch_all(conn);
    let tell = |(nth, id_is_taken)| {
        let nth = usize::try_from(nth).ok().filter(|nth| *nth < wave.len())?;
        Some((nth, if id_is_taken { Refusal::IdConflict } else { Refusal::Duplicate }))
    };
    Ok(refused.await.map_err(failed(DOING))?.into_iter().filter_map(tell).collect())
}

/// Writes tasks as `enqueue.sql` (for plain ones) or `enqueue_any.sql` wants them.
fn encode<'a>(
    new: impl ExactSizeIterator<Item = &'a New<'a>>,
    plain: bool,
    now: Timestamp,
) -> (String, Vec<u8>) {
    let mut batch = Batch::with_capacity(new.len());
    for New { task, lock } in new {
        let message = &task.message;
        let (state, at) = match task.placement {
            Placement::At(due) => (code::SCHEDULED, due),
            _ => (code::PENDING, now),
        };
        batch
            .item()
            .field(message.queue.as_str())
            .field(message.id.as_str())
            .field(message.task_type.as_str())
            .number(state)
            .number(at.as_millis())
            .field(StoredOptions::of(message))
            .bytes(&message.payload);
        if !plain {
            batch
                .field(message.retried)
                .field(message.recovered)
                .field(&message.last_error)
                .field(message.last_failed_at.map(Timestamp::as_millis))
                .field(lock)
                .field(task.unique_for.map(|duration| now.plus(duration).as_millis()));
        }
    }
    batch.finish()
}
