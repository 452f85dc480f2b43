//! Every statement, by name. The text of each is a file that says at its top what transition it is.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)+ $(+ $rest:literal)?;)+) => {
        $($(#[$doc])* pub(crate) const $name: &str = concat!($(include_str!(concat!("sql/", $file)),)+ $($rest)?);)+

        /// All of them, for the tests.
        #[cfg(all(test, feature = "postgres-server"))]
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

#[cfg(all(test, feature = "postgres-server"))]
mod tests {
    use std::sync::Arc;

    use aftercommit_servers::PostgresServer;
    use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

    use super::*;
    use crate::{PostgresOptions, PostgresQueue};

    /// How many tasks there are of each table: enough that reading all of them is the wrong plan.
    const TASKS: i64 = 20_000;

    const FILL: &str = "
        INSERT INTO aftercommit.tasks (state, pos, at, queue, id, task_type, group_name, batch, payload)
        SELECT 1 + n % 5, n, n, 'q' || n / 5 % 20, 'live-' || n, 't', CASE n % 5 WHEN 0 THEN 'g' || n % 3 END,
               CASE n % 50 WHEN 0 THEN n % 7 END, '{}'
          FROM generate_series(1, $1) AS n";
    const FILL_ENDED: &str = "
        INSERT INTO aftercommit.ended (state, ended_at, expires_at, queue, id, task_type, retried, recovered, payload)
        SELECT 6 + n % 2, n, CASE n % 2 WHEN 1 THEN n END, 'q' || n / 2 % 20, 'ended-' || n, 't', 0, 0, '{}'
          FROM generate_series(1, $1) AS n";
    const FILL_OUTBOX: &str = "
        INSERT INTO aftercommit.outbox (state, due_next, enqueued_at, queue, id, task_type, payload)
        SELECT n % 4, n, n, 'q' || n % 20, 'outbox-' || n, 't', '{}' FROM generate_series(1, $1) AS n";

    /// Statements about all active tasks, which are few, that end with the first task they find, or that count.
    const WHOLE_INDEX: [&str; 4] = ["ORPHANS", "FORGET_WORKERS", "LOOK", "OUTBOX_BACKLOG"];

    /// A connection as the engine has them, to a database with the tables.
    async fn conn() -> (Arc<PostgresServer>, PgConnection) {
        let server = PostgresServer::shared().expect("a server");
        let options =
            PostgresOptions::parse(&server.database_url().expect("a database")).expect("its address");
        PostgresQueue::new(&options).migrate().await.expect("the tables are made");
        (server, PgConnection::connect_with(&options.for_calls()).await.expect("it works"))
    }

    #[tokio::test]
    async fn every_statement_can_be_prepared() {
        let (_server, mut conn) = conn().await;
        for (name, statement) in ALL {
            if let Err(error) = conn.prepare((*statement).into_sql_str()).await {
                panic!("{name}: {error}");
            }
        }
    }

    #[tokio::test]
    async fn no_statement_reads_a_whole_table_of_tasks() {
        let (_server, mut conn) = conn().await;
        // A statement that is prepared while the tables are empty keeps its plan, and what Postgres knows of a table may be
        // from that time too.
        let mut wrong = scans(&mut conn, "new").await;
        sqlx::query("VACUUM ANALYZE").execute(&mut conn).await.expect("it works");
        wrong.extend(scans(&mut conn, "empty").await);
        for fill in [FILL, FILL_ENDED, FILL_OUTBOX] {
            sqlx::query(fill).bind(TASKS).execute(&mut conn).await.expect("it works");
        }
        wrong.extend(scans(&mut conn, "filled").await);
        sqlx::query("VACUUM ANALYZE").execute(&mut conn).await.expect("it works");
        wrong.extend(scans(&mut conn, "full").await);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The steps that read a table or an index of tasks from one end to the other.
    async fn scans(conn: &mut PgConnection, of: &str) -> Vec<String> {
        let mut scans = Vec::new();
        for (name, statement) in ALL {
            let plan = plan(conn, statement).await;
            for (nth, line) in plan.iter().enumerate() {
                let is_whole_table = ["Seq Scan on tasks", "Seq Scan on ended", "Seq Scan on outbox"]
                    .iter()
                    .any(|it| line.contains(it));
                let is_index =
                    ["using tasks_", "using ended_", "using outbox_"].iter().any(|it| line.contains(it));
                let has_place = plan.get(nth + 1).is_some_and(|next| next.contains("Index Cond"));
                let is_cut_short = nth > 0 && plan[nth - 1].contains("Limit");
                let is_whole_index = is_index && !has_place && !is_cut_short && !WHOLE_INDEX.contains(name);
                if is_whole_table || is_whole_index {
                    scans.push(format!("{name} ({of}): {}", line.trim()));
                }
            }
        }
        scans
    }

    /// The lines of the plan for whatever values come, so that none need be bound.
    async fn plan(conn: &mut PgConnection, statement: &str) -> Vec<String> {
        let parameters = (1..).take_while(|nth| statement.contains(&format!("${nth}"))).count();
        let nulls = vec!["NULL"; parameters].join(", ");
        let nulls = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        let prepare = AssertSqlSafe(format!("PREPARE explained AS {statement}"));
        sqlx::raw_sql(prepare).execute(&mut *conn).await.expect("it works");
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE explained {nulls}"));
        let lines = sqlx::query_scalar(explain).fetch_all(&mut *conn).await.expect("it works");
        sqlx::query("DEALLOCATE explained").execute(conn).await.expect("it works");
        lines
    }
}
