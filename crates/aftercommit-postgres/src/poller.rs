//! Notices what nobody told of: commits of transactions that the host began by itself, and everything while no
//! notification can be heard. It looks while somebody waits; soon again after it found something, else every 250 ms.

use std::time::Duration;

use aftercommit_core::{BoxError, Result};
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{failed, unreadable};
use crate::news::{News, Topic, Topics};
use crate::sql;

const DOING: &str = "look for news";
/// The pause after a look that found something that nobody had told of. Doubled with each that did not.
const INTERVAL_MIN: Duration = Duration::from_millis(5);
/// The longest pause. News that nobody tells of takes this long and the time of a look.
const INTERVAL_MAX: Duration = Duration::from_millis(250);
/// Looking may take this share of the time: it is dear while an old transaction keeps dead rows from being removed.
const SHARE: u32 = 10;
/// The pause after a look that failed.
const PAUSE: Duration = INTERVAL_MAX;

/// Looks without end.
pub(crate) async fn run(news: &News) {
    let mut seen = Seen::default();
    let mut interval = INTERVAL_MIN;
    let mut next = Instant::now();
    loop {
        news.when_somebody_waits().await;
        sleep_until(next).await;
        let waited_for = news.waited_for();
        if waited_for.is_empty() {
            continue;
        }
        let hints = news.hints_given(waited_for);
        let started = Instant::now();
        match look(news, seen.snapshot.as_deref()).await {
            Ok(Look::Unchanged) => interval = (interval * 2).min(INTERVAL_MAX),
            Ok(Look::Seen(now)) => {
                let (found, changed) = now.compared_with(&seen);
                seen = now;
                let told = news.hints_given(waited_for) != hints;
                news.tell(found);
                let alone = changed && !told;
                interval = if alone { INTERVAL_MIN } else { (interval * 2).min(INTERVAL_MAX) };
            }
            Err(error) => {
                // The links say when the database is away, so this does not.
                tracing::debug!(%error, "cannot look for news");
                seen = Seen::default();
                interval = INTERVAL_MIN;
                sleep(PAUSE).await;
            }
        }
        next = Instant::now() + interval.max(started.elapsed() * SHARE);
    }
}

/// What a look says.
enum Look {
    /// Nobody has committed anything since the last one.
    Unchanged,
    Seen(Seen),
}

/// What there is that somebody may wait for.
#[derive(Debug, Default)]
struct Seen {
    snapshot: Option<String>,
    /// Stands for the first pending task of each queue; none without any.
    pending: Option<i32>,
    /// Stands for the earliest due time of each queue.
    due: Option<i32>,
    grouped: bool,
    /// Stands for the cancellations that there are.
    cancelled: Option<i64>,
    /// The first row of the outbox that nobody has claimed.
    outbox: Option<i64>,
}

impl Seen {
    /// What may be news to somebody, and whether anything is other than before.
    fn compared_with(&self, before: &Self) -> (Topics, bool) {
        let mut found = Topics::default();
        // Tasks of a queue that is paused, or that nobody here works on, are there for long: they are a hint at each
        // look, but no reason to look again soon.
        if self.pending.is_some() {
            found.add(Topic::Pending);
        }
        if self.grouped {
            found.add(Topic::Groups);
        }
        if self.outbox.is_some() {
            found.add(Topic::Outbox);
        }
        if self.due.is_some() && self.due != before.due {
            found.add(Topic::Due);
        }
        if self.cancelled != before.cancelled {
            found.add(Topic::Cancelled);
        }
        let changed = (self.pending.is_some() && self.pending != before.pending)
            || (self.outbox.is_some() && self.outbox != before.outbox)
            || (self.grouped && !before.grouped)
            || found.iter().any(|topic| matches!(topic, Topic::Due | Topic::Cancelled));
        (found, changed)
    }
}

async fn look(news: &News, snapshot: Option<&str>) -> Result<Look> {
    let mut conn = news.links().acquire().await.map_err(|fault| fault.while_trying_to(DOING))?;
    let row = conn.fetch_one(sqlx::query(sql::LOOK).bind(snapshot)).await.map_err(failed(DOING))?;
    read(&row).map_err(|error| unreadable(DOING, error))
}

fn read(row: &PgRow) -> Result<Look, BoxError> {
    let Some(grouped) = row.try_get::<Option<bool>, _>(3)? else { return Ok(Look::Unchanged) };
    Ok(Look::Seen(Seen {
        snapshot: row.try_get(0)?,
        pending: row.try_get(1)?,
        due: row.try_get(2)?,
        grouped,
        cancelled: row.try_get(4)?,
        outbox: row.try_get(5)?,
    }))
}
