//! Stores a batch of tasks on a connection, in whatever transaction that is in: one statement, and a
//! second one to learn which tasks were refused, if any were.

use aftercommit_core::stored::{StoredOptions, state};
use aftercommit_core::{Enqueue, GroupName, Placement, Refusal, Result, Timestamp};
use sqlx::SqliteConnection;

use crate::batch::Batch;
use crate::error::failed;
use crate::sql;
use crate::waves::{New, Waves};

const DOING: &str = "enqueue tasks";

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken.
pub(crate) async fn enqueue(
    conn: &mut SqliteConnection,
    batch: &[Enqueue],
    now: Timestamp,
) -> Result<Vec<Result<(), Refusal>>> {
    let new: Vec<New<'_>> = batch.iter().map(New::of).collect();
    let mut answers = vec![Ok(()); new.len()];
    let mut waves = Waves::new(&new);
    while let Some(wave) = waves.next() {
        for (nth, refusal) in store(conn, &new[wave.clone()], now).await? {
            answers[wave.start + nth] = Err(refusal);
        }
        waves.learn(wave, &answers);
    }
    Ok(answers)
}

/// What a wave has to write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Tasks that were never tried, take no lock and are of no group, as nearly all are.
    Fresh,
    /// Any tasks.
    Any,
}

impl Form {
    fn of(wave: &[New<'_>]) -> Self {
        let is_fresh = |new: &New<'_>| {
            let message = &new.task.message;
            let was_tried = message.retried > 0 || message.recovered > 0 || message.last_error.is_some();
            new.lock.is_none() && message.group.is_none() && !was_tried
        };
        if wave.iter().all(is_fresh) { Self::Fresh } else { Self::Any }
    }

    const fn statement(self) -> &'static str {
        match self {
            Self::Fresh => sql::ENQUEUE,
            Self::Any => sql::ENQUEUE_ANY,
        }
    }
}

/// Stores the tasks of one wave; tells those that were refused, by their place in the wave.
async fn store(
    conn: &mut SqliteConnection,
    wave: &[New<'_>],
    now: Timestamp,
) -> Result<Vec<(usize, Refusal)>> {
    let form = Form::of(wave);
    let (json, blob) = encode(wave, form, now);
    let insert = sqlx::query(form.statement()).bind(&json).bind(blob).bind(now.as_millis());
    let stored = insert.execute(&mut *conn).await.map_err(failed(DOING))?;
    if stored.rows_affected() == wave.len() as u64 {
        return Ok(Vec::new());
    }
    if let ([_], Form::Fresh) = (wave, form) {
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

/// Writes tasks as the statement of the form wants them.
fn encode(wave: &[New<'_>], form: Form, now: Timestamp) -> (String, Vec<u8>) {
    let mut batch = Batch::with_capacity(wave.len());
    for New { task, lock } in wave {
        let message = &task.message;
        let (state, at) = match (task.placement, &message.group) {
            (Placement::At(due), _) => (state::SCHEDULED, due),
            (_, Some(_)) => (state::AGGREGATING, now),
            (_, None) => (state::PENDING, now),
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
        if form == Form::Any {
            batch
                .field(message.retried)
                .field(message.recovered)
                .field(&message.last_error)
                .field(message.last_failed_at.map(Timestamp::as_millis))
                .field(lock)
                .field(task.unique_for.map(|duration| now.plus(duration).as_millis()))
                .field(message.group.as_ref().map(GroupName::as_str));
        }
    }
    batch.finish()
}
