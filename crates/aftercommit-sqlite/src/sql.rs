//! Every statement, by name. The text of each is a file that says at its top what transition it is.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+ $(+ $rest:literal)?;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = concat!($(include_str!(concat!("sql/", $file)),)+ $($rest)?);)+

        /// All of them, for the tests.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

statements! {
    // --- the hot path
    ENQUEUE = "enqueue.sql";
    ENQUEUE_ANY = "enqueue_any.sql";
    REFUSED = "refused.sql";
    DEQUEUE_ONE = "oldest.sql" "take.sql";
    DEQUEUE = "shares.sql" "take.sql";
    EXTEND = "extend.sql";
    LOST = "lost.sql";
    REMOVE = "remove.sql";
    END = "end.sql";
    POSTPONE = "postpone.sql";
    REQUEUE = "requeue.sql";
    COUNT = "count.sql";
    RECEIPT = "receipt.sql";
    RECEIPTS = "receipts.sql";

    // --- upkeep
    NEXT_DUE = "next_due.sql";
    FORWARD = "forward.sql";
    ADVANCE = "advance.sql";
    ORPHANS = "orphans.sql";
    ARCHIVE_UNREADABLE = "archive_unreadable.sql";
    DELETE_UNREADABLE = "delete_unreadable.sql";
    DELETE_EXPIRED = "delete_expired.sql";
    HAS_BEYOND = "beyond.sql" "has_beyond.sql";
    TRIM_ARCHIVE = "beyond.sql" "trim_archive.sql";
    FOLD_COUNTS = "fold_counts.sql";
    FORGET_COUNTS = "forget_counts.sql";
    FORGET_WORKERS = "forget_workers.sql";
    FORGET_CANCELLATIONS = "forget_cancellations.sql";
    FORGET_RECEIPTS = "forget_receipts.sql";

    // --- operators
    QUEUES = "queues.sql";
    QUEUE = "queue.sql";
    HISTORY = "history.sql";
    GET_LIVE = "live.sql" + " WHERE t.queue = ?1 AND t.id = ?2";
    GET_ENDED = "ended.sql" + " WHERE t.queue = ?1 AND t.id = ?2";
    LIST_PENDING = "live.sql" "of_pending.sql";
    LIST_ACTIVE = "live.sql" "of_active.sql";
    LIST_SCHEDULED = "live.sql" "of_scheduled.sql";
    LIST_RETRY = "live.sql" "of_retry.sql";
    LIST_AGGREGATING = "live.sql" "of_aggregating.sql";
    LIST_GROUP = "live.sql" "of_group.sql";
    LIST_ARCHIVED = "ended.sql" "of_archived.sql";
    LIST_COMPLETED = "ended.sql" "of_completed.sql";
    FIND = "find.sql";
    CHOOSE_PENDING = "choose_live.sql" "of_pending.sql";
    CHOOSE_SCHEDULED = "choose_live.sql" "of_scheduled.sql";
    CHOOSE_RETRY = "choose_live.sql" "of_retry.sql";
    CHOOSE_WAITING = "choose_live.sql" "of_waiting.sql";
    CHOOSE_GROUP = "choose_live.sql" "of_group.sql";
    CHOOSE_ARCHIVED = "choose_ended.sql" "of_archived.sql";
    CHOOSE_COMPLETED = "choose_ended.sql" "of_completed.sql";
    KNOW_QUEUE = "know_queue.sql";
    RUN_LIVE = "run_live.sql";
    RUN_ENDED = "run_ended.sql";
    ARCHIVE_LIVE = "archive_live.sql";
    DELETE_LIVE = "delete_live.sql";
    DELETE_ENDED = "delete_ended.sql";
    UPDATE_PAYLOAD = "update_payload.sql";
    HAS_TASKS = "has_tasks.sql";
    FORGET_QUEUE = "forget_queue.sql";
    PAUSE = "pause.sql";
    RESUME = "resume.sql";

    // --- groups
    GROUPS = "group_names.sql" "group_sizes.sql";
    RIPENING = "group_names.sql" "ripening.sql";
    HOLD_BATCH = "hold_batch.sql";
    FILL_BATCH = "fill_batch.sql";
    LIST_BATCH = "live.sql" "of_batch.sql";
    END_BATCH = "end_batch.sql";
    DELETE_BATCH = "delete_batch.sql";
    RELEASE_BATCH = "release_batch.sql";
    OVERDUE_BATCHES = "overdue_batches.sql";

    // --- the outbox
    OUTBOX_INSERT = "outbox_insert.sql";
    OUTBOX_REFUSED = "outbox_refused.sql";
    OUTBOX_LOOK = "outbox_look.sql";
    OUTBOX_CLAIMABLE = "outbox_claimable.sql";
    OUTBOX_CLAIM = "outbox_claim.sql";
    OUTBOX_MARK = "outbox_mark.sql";
    OUTBOX_POSTPONE = "outbox_postpone.sql";
    OUTBOX_BURY = "outbox_bury.sql";
    OUTBOX_BACKLOG = "outbox_backlog.sql";
    OUTBOX_KEEP = "outbox_keep.sql";
    OUTBOX_DUE_LOOK = "outbox_due_look.sql";
    OUTBOX_WATCHABLE = "outbox_watchable.sql";
    OUTBOX_WATCH = "outbox_watch.sql";
    OUTBOX_OBSERVE = "outbox_observe.sql";
    OUTBOX_PUBLISH_AGAIN = "outbox_publish_again.sql";
    OUTBOX_LIST_WAITING = "outbox_list.sql" "outbox_of_waiting.sql";
    OUTBOX_LIST_KEPT = "outbox_list.sql" "outbox_of_kept.sql";
    OUTBOX_LIST_BURIED = "outbox_list.sql" "outbox_of_buried.sql";
    OUTBOX_REVIVE_BURIED = "outbox_revive.sql" "outbox_buried.sql";
    OUTBOX_REVIVE_ONE = "outbox_revive.sql" "outbox_one.sql";
    OUTBOX_REVIVE_OF_TASK = "outbox_revive.sql" "outbox_of_task.sql";
    OUTBOX_DELETE_BURIED = "outbox_delete.sql" "outbox_buried.sql";
    OUTBOX_DELETE_ONE = "outbox_delete.sql" "outbox_one.sql";
    OUTBOX_DELETE_OF_TASK = "outbox_delete.sql" "outbox_of_task.sql";

    // --- presence and news
    JOIN = "join.sql";
    BEAT = "beat.sql";
    LEAVE = "leave.sql";
    WORKERS = "workers.sql";
    NEIGHBOURS = "neighbours.sql";
    CANCEL = "cancel.sql";
    CANCELLATIONS = "cancellations.sql";
    CANCELLED_BEFORE = "cancelled_before.sql";
    LOOK = "look.sql";
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Executor, Row, SqlSafeStr};

    use super::*;
    use crate::SqliteQueue;

    async fn queue() -> (tempfile::TempDir, SqliteQueue) {
        let dir = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(dir.path().join("queue.db")).await.unwrap();
        queue.migrate().await.unwrap();
        (dir, queue)
    }

    #[tokio::test]
    async fn every_statement_can_be_prepared() {
        let (_dir, queue) = queue().await;
        let mut conn = queue.pools().writer.acquire().await.unwrap();
        for (name, statement) in ALL {
            let prepared = conn.prepare((*statement).into_sql_str()).await;
            assert!(prepared.is_ok(), "{name}: {}", prepared.err().unwrap());
        }
    }

    #[tokio::test]
    async fn no_statement_reads_a_whole_table_of_tasks() {
        let (_dir, queue) = queue().await;
        let mut conn = queue.pools().writer.acquire().await.unwrap();
        for (name, statement) in ALL {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            for step in sqlx::query(explain).fetch_all(&mut *conn).await.unwrap() {
                let step: String = step.get("detail");
                let of_tasks = [
                    "SCAN t",
                    "SCAN p",
                    "SCAN e",
                    "SCAN o",
                    "SCAN aftercommit_tasks",
                    "SCAN aftercommit_ended",
                    "SCAN aftercommit_outbox",
                ];
                assert!(!of_tasks.contains(&step.as_str()), "{name}: {step}");
            }
        }
    }

    /// SQLite plans a statement anew whenever a value is bound that it may have looked at while
    /// planning, and it looks at a LIMIT. That is several times the cost of taking one task.
    #[test]
    fn no_limit_is_a_mere_parameter() {
        for (name, statement) in ALL {
            for word in ["LIMIT ?", "OFFSET ?"] {
                for (at, _) in statement.match_indices(word) {
                    let rest = statement[at + word.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
                    assert!(rest.starts_with(" + 0"), "{name}: {}", &statement[at..at + word.len() + 1]);
                }
            }
        }
    }
}
