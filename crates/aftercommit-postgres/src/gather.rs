//! Takes the tasks of ripe groups into batches: one statement for many groups, however many tasks they have.

use aftercommit_core::stored::millis;
use aftercommit_core::{Batch, BatchKey, BoxError, GroupRules, Message, Result, Timestamp};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use crate::batch::saturated;
use crate::conn::Conn;
use crate::error::failed;
use crate::row::message;
use crate::sql;
use crate::unreadable::Unreadable;

pub(crate) const GATHERING: &str = "gather tasks of groups";

/// Longer times would not fit into a number once a moment is added.
const LONGEST: i64 = 1 << 60;

/// What is asked for.
pub(crate) struct Gather<'a> {
    pub(crate) queues: Vec<&'a str>,
    pub(crate) rules: &'a GroupRules,
    /// The present moment, `None` for that of the database.
    pub(crate) moment: Option<i64>,
}

/// The group that is ripe first.
pub(crate) struct Next {
    /// When it is; not before now.
    pub(crate) at: Option<Timestamp>,
    /// Whether it is now.
    pub(crate) is_ripe: bool,
}

impl Gather<'_> {
    /// Looks at the groups.
    pub(crate) async fn next(&self, conn: &mut Conn) -> Result<Next> {
        let row = conn.fetch_optional(self.ask(sql::NEXT_RIPE, 1)).await.map_err(failed(GATHERING))?;
        let Some(row) = row else { return Ok(Next { at: None, is_ripe: false }) };
        let at = row.try_get(0).map(Timestamp::from_millis).map_err(failed(GATHERING))?;
        Ok(Next { at: Some(at), is_ripe: row.try_get(1).map_err(failed(GATHERING))? })
    }

    /// Waits until nobody else gathers from these queues.
    pub(crate) async fn take_turns(&self, conn: &mut Conn) -> Result<()> {
        let hold = sqlx::query(sql::HOLD_GROUPS).bind(&self.queues);
        conn.execute(hold).await.map(drop).map_err(failed(GATHERING))
    }

    /// Makes a batch of the oldest tasks of each ripe group, at most `limit` of them.
    pub(crate) async fn hold(&self, conn: &mut Conn, limit: usize) -> Result<Vec<Batch>> {
        let gather = self
            .ask(sql::GATHER, limit)
            .bind(saturated(self.rules.batch_size()))
            .bind(millis(self.rules.hold).min(LONGEST));
        let rows = conn.fetch_all(gather).await.map_err(failed(GATHERING))?;
        let mut batches: Vec<Batch> = Vec::new();
        let mut unreadable = Unreadable::default();
        for row in &rows {
            match read(row) {
                Ok((key, deadline, task)) => match batches.last_mut() {
                    Some(batch) if batch.key == key => batch.tasks.push(task),
                    _ => batches.push(Batch { key, tasks: vec![task], deadline }),
                },
                Err(error) => unreadable.add(row, &error),
            }
        }
        if !unreadable.is_empty() {
            unreadable.archive_in(conn, self.moment).await?;
            let end = sqlx::query(sql::END_EMPTY_BATCHES).bind(&self.queues);
            conn.execute(end).await.map_err(failed(GATHERING))?;
        }
        Ok(batches)
    }

    /// A statement that begins with `ripening.sql`.
    fn ask(&self, statement: &'static str, limit: usize) -> Query<'_, Postgres, PgArguments> {
        sqlx::query(statement)
            .bind(&self.queues)
            .bind(millis(self.rules.grace_period).min(LONGEST))
            .bind(self.rules.max_delay.map(|delay| millis(delay).min(LONGEST)))
            .bind(self.rules.max_size.map(|_| saturated(self.rules.batch_size())))
            .bind(saturated(limit))
            .bind(self.moment)
    }
}

/// A row of `gather.sql`.
fn read(row: &PgRow) -> Result<(BatchKey, Timestamp, Message), BoxError> {
    let task = message(row)?;
    let group = task.group.clone().ok_or("a task in a batch is of no group")?;
    let key = BatchKey { queue: task.queue.clone(), group, id: row.try_get::<i64, _>(13)?.to_string() };
    Ok((key, Timestamp::from_millis(row.try_get(14)?), task))
}
