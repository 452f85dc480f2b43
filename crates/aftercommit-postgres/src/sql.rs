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
    DEQUEUE_ONE = "dequeue_one.sql";
    DEQUEUE = "dequeue.sql";
    EXTEND = "extend.sql";
    FINISH = "finish.sql";
    SETTLE = "settle.sql";

    // --- upkeep
    FORWARD = "forward.sql";
    ORPHANS = "orphans.sql";
    ARCHIVE_UNREADABLE = "archive_unreadable.sql";
    DELETE_EXPIRED = "delete_expired.sql";
    TRIM_ARCHIVE = "trim_archive.sql";
    FOLD_COUNTS = "fold_counts.sql";
    FOLD_DAYS = "fold_days.sql";
    FORGET_WORKERS = "forget_workers.sql";
    FORGET_CANCELLATIONS = "forget_cancellations.sql";
    FORGET_LOCKS = "forget_locks.sql";

    // --- operators

    // --- groups

    // --- the outbox

    // --- presence and news
    JOIN = "join.sql";
    LOOK = "look.sql";
    NOTIFY = "notify.sql";
}
