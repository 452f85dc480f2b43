//! Stores a batch of tasks on a connection, in whatever transaction that is in.

use aftercommit_core::{Enqueue, Message, Refusal, Result, Timestamp};
use sqlx::{PgConnection, Row};

use crate::error::{failed, unreadable};
use crate::fields::Fields;
use crate::session::Session;
use crate::{sql, text};

const DOING: &str = "enqueue tasks";

/// How many bytes of payloads go into one statement, if it has more than one task; Postgres takes no message of a gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken. `moment` is the
/// present one, `None` for that of the database.
pub(crate) async fn enqueue<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    tasks: &[Enqueue],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    let mut answers = Vec::with_capacity(tasks.len());
    let mut rest = tasks;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(fitting(rest));
        answers.extend(enqueue_part(on, part, moment).await?);
        rest = later;
    }
    Ok(answers)
}

/// Stores a task whose id was made for it, so that nothing can be in its way, and that asks for no unique lock.
pub(crate) async fn enqueue_new<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    task: &Enqueue,
    moment: Option<i64>,
) -> Result<()> {
    let task = Fields::of(task)?;
    let store = sqlx::query(sql::ENQUEUE_NEW)
        .bind(task.queue)
        .bind(task.id)
        .bind(task.task_type)
        .bind(task.due)
        .bind(task.options)
        .bind(task.group)
        .bind(task.payload)
        .bind(moment);
    on.execute(store).await.map(drop).map_err(failed(DOING))
}

/// How many tasks go into one statement: all of them, unless their payloads are very long.
fn fitting(tasks: &[Enqueue]) -> usize {
    let sums = tasks.iter().scan(0_usize, |sum, task| {
        *sum = sum.saturating_add(task.message.payload.len());
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= MAX_BYTES).count().max(1)
}

async fn enqueue_part<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    tasks: &[Enqueue],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    let columns = Columns::of(tasks)?;
    let answers = columns.store(on, moment).await.map_err(failed(DOING))?;
    if answers.len() != tasks.len() {
        return Err(unreadable(DOING, format!("{} answers for {} tasks", answers.len(), tasks.len())));
    }
    let answer = |code| match code {
        0 => Ok(Ok(())),
        1 => Ok(Err(Refusal::IdConflict)),
        2 => Ok(Err(Refusal::Duplicate)),
        other => Err(unreadable(DOING, format!("{other} is no answer"))),
    };
    answers.into_iter().map(answer).collect()
}

/// A batch as it travels into the statement; a column without any value does not.
struct Columns<'a> {
    queues: Vec<&'a str>,
    ids: Vec<&'a str>,
    types: Vec<&'a str>,
    dues: Option<Vec<Option<i64>>>,
    options: Option<Vec<Option<String>>>,
    groups: Option<Vec<Option<&'a str>>>,
    payloads: Vec<&'a [u8]>,
    locks: Option<Vec<Option<i64>>>,
    pasts: Option<Pasts>,
}

/// What happened to tasks before.
#[derive(Default)]
struct Pasts {
    retried: Vec<i32>,
    recovered: Vec<i32>,
    errors: Vec<Option<String>>,
    failed_at: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    fn of(tasks: &'a [Enqueue]) -> Result<Self> {
        let fields: Vec<Fields<'a>> = tasks.iter().map(Fields::of).collect::<Result<_>>()?;
        Ok(Self {
            queues: fields.iter().map(|task| task.queue).collect(),
            ids: fields.iter().map(|task| task.id).collect(),
            types: fields.iter().map(|task| task.task_type).collect(),
            dues: unless_empty(fields.iter().map(|task| task.due).collect()),
            groups: unless_empty(fields.iter().map(|task| task.group).collect()),
            payloads: fields.iter().map(|task| task.payload).collect(),
            locks: unless_empty(fields.iter().map(|task| task.unique_ms).collect()),
            pasts: tasks.iter().any(|task| has_past(&task.message)).then(|| Pasts::of(tasks)),
            options: unless_empty(fields.into_iter().map(|task| task.options).collect()),
        })
    }

    async fn store<C: AsMut<PgConnection>>(
        &self,
        on: &mut Session<C>,
        moment: Option<i64>,
    ) -> sqlx::Result<Vec<i16>> {
        let pasts = self.pasts.as_ref();
        let store = sqlx::query(sql::ENQUEUE)
            .bind(&self.queues)
            .bind(&self.ids)
            .bind(&self.types)
            .bind(self.dues.as_ref())
            .bind(self.options.as_ref())
            .bind(self.groups.as_ref())
            .bind(&self.payloads)
            .bind(self.locks.as_ref())
            .bind(pasts.map(|pasts| &pasts.retried))
            .bind(pasts.map(|pasts| &pasts.recovered))
            .bind(pasts.map(|pasts| &pasts.errors))
            .bind(pasts.map(|pasts| &pasts.failed_at))
            .bind(moment);
        on.fetch_one(store).await?.try_get(0)
    }
}

impl Pasts {
    fn of(tasks: &[Enqueue]) -> Self {
        let mut pasts = Self::default();
        for Enqueue { message, .. } in tasks {
            pasts.retried.push(i32::try_from(message.retried).unwrap_or(i32::MAX));
            pasts.recovered.push(i32::try_from(message.recovered).unwrap_or(i32::MAX));
            pasts.errors.push(message.last_error.as_deref().map(|error| text::storable(error).into_owned()));
            pasts.failed_at.push(message.last_failed_at.map(Timestamp::as_millis));
        }
        pasts
    }
}

const fn has_past(message: &Message) -> bool {
    message.retried > 0
        || message.recovered > 0
        || message.last_error.is_some()
        || message.last_failed_at.is_some()
}

/// A column, if it has a value.
fn unless_empty<T>(column: Vec<Option<T>>) -> Option<Vec<Option<T>>> {
    column.iter().any(Option::is_some).then_some(column)
}
