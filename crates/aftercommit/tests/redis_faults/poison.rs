//! What cannot be run stands among what can.

use std::time::Duration;

use aftercommit::{Inspect as _, Page, QueueName, TaskState};

use crate::kit::{Job, Rig, Setup, play};

const MS: Duration = Duration::from_millis(1);

/// Puts an id where a worker takes it from.
fn wait(rig: &Rig, id: &str) {
    rig.redis(&["LPUSH", "asynq:{default}:pending", id]);
}

fn hash(rig: &Rig, id: &str, fields: &[&str]) {
    let key = format!("asynq:{{default}}:t:{id}");
    rig.redis(&[&["HSET", &key][..], fields].concat());
}

#[test]
fn unreadable_tasks_ghosts_and_tasks_without_a_lease() {
    let (verdict, lines) = play(Setup::new("ghosts, garbage, active without lease"), async |rig| {
        rig.enqueue(100, Job::Short).await;
        wait(rig, "ghost-1");
        hash(rig, "garbage", &["msg", "\u{1}garbage", "state", "pending"]);
        wait(rig, "garbage");
        rig.enqueue(100, Job::Short).await;
        hash(rig, "empty", &["msg", "", "state", "pending"]);
        wait(rig, "empty");
        hash(rig, "bare", &["state", "pending"]);
        wait(rig, "bare");
        rig.redis(&["SET", "asynq:{default}:t:foreign", "not ours"]);
        wait(rig, "foreign");
        rig.redis(&[
            "EVAL",
            r"redis.call('HSET', KEYS[1] .. 't:\255', 'msg', 'x', 'state', 'pending')
            return redis.call('LPUSH', KEYS[1] .. 'pending', '\255')",
            "1",
            "asynq:{default}:",
        ]);
        rig.enqueue(100, Job::Short).await;
        // In somebody's hands, says the list, and nobody has them.
        rig.redis(&["LPUSH", "asynq:{default}:active", "ghost-2", "ghost-3"]);
        rig.redis(&["ZADD", "asynq:{default}:lease", "1", "ghost-3", "1", "active-garbage"]);
        hash(rig, "active-garbage", &["msg", "\u{1}garbage", "state", "active"]);
        rig.redis(&["LPUSH", "asynq:{default}:active", "active-garbage"]);
        rig.redis(&["SET", "asynq:{default}:t:foreign-2", "not ours"]);
        rig.redis(&["LPUSH", "asynq:{default}:active", "foreign-2"]);
        for id in rig.enqueue(5, Job::Short).await {
            rig.redis(&["LREM", "asynq:{default}:pending", "0", &id]);
            hash(rig, &id, &["state", "active"]);
            rig.redis(&["LPUSH", "asynq:{default}:active", &id]);
        }
        rig.healed();
        let worker = rig.work(20, MS);
        rig.drained().await;
        rig.until_redis_says(&["ZCARD", "asynq:{default}:lease"], "0").await;
        let archived =
            rig.backend.list(&QueueName::default(), &TaskState::Archived.into(), Page::first(100)).await;
        let archived = archived.unwrap();
        assert_eq!(archived.len(), 4, "{archived:?}");
        for task in archived {
            let reason = task.message.last_error.unwrap();
            assert!(reason.contains("cannot be decoded"), "{reason}");
        }
        assert_eq!(rig.redis(&["GET", "asynq:{default}:t:foreign"]), "not ours");
        assert_eq!(rig.redis(&["GET", "asynq:{default}:t:foreign-2"]), "not ours");
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["archiving a task that cannot be read"]), 4);
    assert_eq!(lines.with(&["was refused by"]), 0);
}
