//! Every statement, by name. The text of each is a file that says at its top what transition it is.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+ $(+ $rest:literal)?;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = concat!($(include_str!(concat!("sql/", $file)),)+ $($rest)?);)+

        /// All of them, for the tests.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

statements! {
    // --- the hot path
    ENQUEUE = "enqueue.sql";
    ENQUEUE_NEW = "enqueue_new.sql";
    DEQUEUE_ONE = "dequeue_one.sql" "claimed.sql";
    DEQUEUE = "dequeue.sql" "claimed.sql";
    EXTEND = "extend.sql";
    FINISH = "finish.sql";
    SETTLE = "settle.sql" + "SELECT token FROM held";
    COMPLETE = "settle.sql" "receipt.sql";
    RECEIPTS = "receipts.sql";

    // --- upkeep
    FORWARD = "forward.sql";
    ORPHANS = "orphans.sql";
    VOID_CLAIMS = "void_claims.sql";
    RETURN_CLAIMS = "return_claims.sql";
    ARCHIVE_UNREADABLE = "archive_unreadable.sql";
    DELETE_EXPIRED = "delete_expired.sql";
    TRIM_ARCHIVE = "trim_archive.sql";
    FOLD_COUNTS = "fold_counts.sql";
    FOLD_DAYS = "fold_days.sql";
    FORGET_WORKERS = "forget_workers.sql";
    FORGET_CANCELLATIONS = "forget_cancellations.sql";
    FORGET_LOCKS = "forget_locks.sql";
    FORGET_RECEIPTS = "forget_receipts.sql";

    // --- operators
    QUEUES = "queues.sql";
    QUEUE = "group_names.sql" "queue_state.sql";
    HISTORY = "history.sql";
    GET = "live.sql" "of_id.sql" "and_of.sql" "ended.sql" "of_id.sql";
    LIST_PENDING = "live.sql" "of_pending.sql";
    LIST_ACTIVE = "live.sql" "of_active.sql";
    LIST_SCHEDULED = "live.sql" "of_scheduled.sql";
    LIST_RETRY = "live.sql" "of_retry.sql";
    LIST_AGGREGATING = "live.sql" "of_aggregating.sql";
    LIST_GROUP = "live.sql" "of_group.sql";
    LIST_ARCHIVED = "ended.sql" "of_archived.sql";
    LIST_COMPLETED = "ended.sql" "of_completed.sql";
    FIND = "find.sql";
    CHOOSE_PENDING = "choose_live.sql" "of_pending.sql" "chosen.sql";
    CHOOSE_SCHEDULED = "choose_live.sql" "of_scheduled.sql" "chosen.sql";
    CHOOSE_RETRY = "choose_live.sql" "of_retry.sql" "chosen.sql";
    CHOOSE_WAITING = "choose_live.sql" "of_waiting.sql" "chosen.sql";
    CHOOSE_GROUP = "choose_live.sql" "of_group.sql" "chosen.sql";
    CHOOSE_ARCHIVED = "choose_ended.sql" "of_archived.sql" "chosen.sql";
    CHOOSE_COMPLETED = "choose_ended.sql" "of_completed.sql" "chosen.sql";
    RUN_LIVE = "run_live.sql";
    RUN_ENDED = "run_ended.sql";
    ARCHIVE_LIVE = "archive_live.sql";
    DELETE_LIVE = "delete_live.sql";
    DELETE_ENDED = "delete_ended.sql";
    UPDATE_PAYLOAD = "update_payload.sql";
    REMOVE_QUEUE = "remove_queue.sql";
    PAUSE = "pause.sql";
    RESUME = "resume.sql";

    // --- groups
    GROUPS = "group_names.sql" "group_sizes.sql";
    NEXT_RIPE = "group_names.sql" "ripening.sql" "next_ripe.sql";
    HOLD_GROUPS = "hold_groups.sql";
    GATHER = "group_names.sql" "ripening.sql" "gather.sql";
    END_EMPTY_BATCHES = "end_empty_batches.sql";
    AGGREGATE = "aggregate.sql";
    RELEASE = "release.sql";
    RECLAIM = "reclaim.sql";

    // --- the outbox
    OUTBOX_INSERT = "outbox_insert.sql";
    OUTBOX_INSERT_ONE = "outbox_insert_one.sql";
    OUTBOX_CLAIM = "outbox_claim.sql";
    OUTBOX_MARK = "outbox_mark.sql";
    OUTBOX_KEEP = "outbox_keep.sql";
    OUTBOX_WATCH = "outbox_watch.sql";
    OUTBOX_OBSERVE = "outbox_observe.sql";
    OUTBOX_PUBLISH_AGAIN = "outbox_publish_again.sql";
    OUTBOX_POSTPONE = "outbox_postpone.sql";
    OUTBOX_BURY = "outbox_bury.sql";
    OUTBOX_BACKLOG = "outbox_backlog.sql";
    OUTBOX_LIST_WAITING = "outbox_list.sql" + " WHERE state + 0 < 2 AND seq > 0 ORDER BY seq LIMIT $1 OFFSET $2";
    OUTBOX_LIST_KEPT = "outbox_list.sql" + " WHERE state + 0 = 2 AND seq > 0 ORDER BY seq LIMIT $1 OFFSET $2";
    OUTBOX_LIST_BURIED = "outbox_list.sql" + " WHERE state = 3 AND seq > 0 ORDER BY seq LIMIT $1 OFFSET $2";
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
    CANCEL = "cancel.sql";
    PRESENT = "present.sql";
    CANCELLATIONS_SINCE = "cancellations_since.sql";
    CANCELLATIONS_AFTER = "cancellations_after.sql";
    LOOK = "look.sql";
    NOTIFY = "notify.sql";
}
