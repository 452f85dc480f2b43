//! What becomes of an active task whose message cannot be read: it goes to the archive under a readable stand-in, so that
//! operators see it and nobody stumbles over it again.

use crate::RedisBackend;
use crate::dequeue::Row;
use crate::message::{self, Undecodable};
use crate::script::Script;
use crate::time;

static ARCHIVE_UNREADABLE: Script = Script::new(include_str!("lua/archive_unreadable.lua"));

impl RedisBackend {
    /// Archives the task. If that fails it stays active until its lease is over, and is found again.
    pub(crate) async fn archive_unreadable(&self, row: &Row, unreadable: Undecodable) {
        tracing::warn!(queue = %row.queue, id = %row.id, error = %unreadable, "archiving a task that cannot be read");
        let (now, keys) = (self.now(), self.keys(&row.queue));
        let mut stand_in = unreadable.into_message();
        stand_in.last_failed_at = Some(now);
        let mut call = ARCHIVE_UNREADABLE.call(&[&keys.active, &keys.lease, &keys.archived]);
        call.arg([keys.tasks().as_bytes(), &row.stored_id].concat()).arg(&row.stored_id).arg(&row.msg);
        call.arg(message::encode(&stand_in, None)).number(time::second(now));
        if let Err(error) = self.link.eval("archive a task that cannot be read", &call).await {
            tracing::warn!(queue = %row.queue, id = %row.id, error = &error as &dyn std::error::Error,
                "failed to archive a task that cannot be read");
        }
    }
}
