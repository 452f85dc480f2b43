//! What becomes of a task in somebody's hands whose message cannot be read: it goes to the archive under a readable
//! stand-in, so that operators see it and nobody stumbles over it again.

use crate::RedisBackend;
use crate::dequeue::Row;
use crate::message::{self, Undecodable};
use crate::script::Script;
use crate::time;

static ARCHIVE_UNREADABLE: Script = Script::new(include_str!("lua/archive_unreadable.lua"));

/// Who has the task.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder<'a> {
    /// A worker: it is active.
    Worker,
    /// An aggregator: it is in the set with this key.
    Set(&'a str),
}

impl RedisBackend {
    /// Archives the task. If that fails it stays where it is until its lease, or the time of its set, is over, and is found
    /// again.
    pub(crate) async fn archive_unreadable(&self, row: &Row, unreadable: Undecodable, holder: Holder<'_>) {
        tracing::warn!(queue = %row.queue, id = %row.id, error = %unreadable, "archiving a task that cannot be read");
        let (now, keys) = (self.now(), self.keys(&row.queue));
        let mut stand_in = unreadable.into_message();
        stand_in.last_failed_at = Some(now);
        let mut names: Vec<&str> = vec![&keys.active, &keys.lease, &keys.archived];
        if let Holder::Set(set) = holder {
            names.push(set);
        }
        let mut call = ARCHIVE_UNREADABLE.call(&names);
        call.arg([keys.tasks().as_bytes(), &row.stored_id].concat()).arg(&row.stored_id).arg(&row.msg);
        call.arg(message::encode(&stand_in, None)).number(time::second(now));
        if let Err(error) = self.link.eval("archive a task that cannot be read", &call).await {
            tracing::warn!(queue = %row.queue, id = %row.id, error = &error as &dyn std::error::Error,
                "failed to archive a task that cannot be read");
        }
    }
}
