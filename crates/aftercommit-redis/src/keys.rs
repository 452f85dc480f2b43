//! The names of the keys: those that Go's asynq reads and writes, and our own under `asynq:{QUEUE}:x:`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aftercommit_core::{QueueName, TaskId, TaskType, Timestamp, WorkerId};
use md5::{Digest, Md5};

use crate::go_time;

/// SET of the names of all queues.
pub(crate) const QUEUES: &str = "asynq:queues";
/// ZSET of the keys of live workers' records, by the second at which each stops being believed.
pub(crate) const SERVERS: &str = "asynq:servers";
/// ZSET of the keys of what live workers are running, by the same second.
pub(crate) const WORKERS: &str = "asynq:workers";
/// ZSET of the keys of live schedulers' entries, by the same second.
pub(crate) const SCHEDULERS: &str = "asynq:schedulers";
/// The channel of cancellations; a message is a bare task id.
pub(crate) const CANCEL: &str = "asynq:cancel";

/// STRING: a worker's own record, a protobuf `ServerInfo`.
pub(crate) fn server(worker: &WorkerId) -> String {
    concat(&[SERVERS, ":{", worker.as_str(), "}"])
}

/// HASH: what a worker is running; a protobuf `WorkerInfo` for each task id.
pub(crate) fn workers(worker: &WorkerId) -> String {
    concat(&[WORKERS, ":{", worker.as_str(), "}"])
}

/// LIST: a scheduler's entries, each a protobuf `SchedulerEntry`.
pub(crate) fn scheduler(scheduler: &WorkerId) -> String {
    concat(&[SCHEDULERS, ":{", scheduler.as_str(), "}"])
}

/// ZSET: when an entry enqueued what, each a protobuf `SchedulerEnqueueEvent` by its second.
pub(crate) fn scheduler_history(entry: &str) -> String {
    concat(&["asynq:scheduler_history:", entry])
}

/// The worker that a member of [`SERVERS`] or [`WORKERS`], or the scheduler that one of [`SCHEDULERS`], is about.
pub(crate) fn worker_of(key: &str) -> Option<WorkerId> {
    let (_, rest) = key.split_once(":{")?;
    rest.strip_suffix('}').map(WorkerId::from_stored)
}

/// The keys of one queue. They share a hash tag, so that a script may touch them all on a cluster.
#[derive(Debug)]
pub(crate) struct QueueKeys {
    /// `asynq:{QUEUE}:`; scripts append to it.
    pub(crate) prefix: String,
    /// LIST of ids; pushed at the left, popped at the right.
    pub(crate) pending: String,
    /// LIST of ids.
    pub(crate) active: String,
    /// ZSET of the active ids by lease expiry, Unix seconds; the fraction is our fencing token.
    pub(crate) lease: String,
    /// ZSET of ids by due time, whole Unix seconds.
    pub(crate) scheduled: String,
    /// ZSET of ids by due time, whole Unix seconds.
    pub(crate) retry: String,
    /// ZSET of ids by the whole Unix second at which they were archived.
    pub(crate) archived: String,
    /// ZSET of ids by the whole Unix second at which they expire.
    pub(crate) completed: String,
    /// STRING: the Unix second at which the queue was paused; only that it exists matters.
    pub(crate) paused: String,
    /// STRING: attempts that ended, failures included.
    pub(crate) processed: String,
    /// STRING: attempts that failed.
    pub(crate) failed: String,
    /// SET of the names of groups that may have waiting tasks.
    pub(crate) groups: String,
    /// ZSET of the keys of sets being aggregated, by the Unix second at which they may be reclaimed.
    pub(crate) aggregation_sets: String,
    tasks: String,
    /// Ours, SET: the workers that may have tasks of the queue.
    pub(crate) owners: String,
    /// Ours, SET: the groups of the sets that aggregators hold.
    pub(crate) held: String,
    /// Ours, ZSET: the ids of [`Self::scheduled`] and [`Self::retry`] by exact due time, Unix milliseconds.
    pub(crate) due: String,
}

impl QueueKeys {
    /// The keys of a queue. The name stands as it is, whatever is in it.
    pub(crate) fn new(queue: &QueueName) -> Self {
        let prefix = concat(&["asynq:{", queue.as_str(), "}:"]);
        let key = |name: &str| concat(&[&prefix, name]);
        Self {
            pending: key("pending"),
            active: key("active"),
            lease: key("lease"),
            scheduled: key("scheduled"),
            retry: key("retry"),
            archived: key("archived"),
            completed: key("completed"),
            paused: key("paused"),
            processed: key("processed"),
            failed: key("failed"),
            groups: key("groups"),
            aggregation_sets: key("aggregation_sets"),
            tasks: key("t:"),
            owners: key("x:owners"),
            held: key("x:held"),
            due: key("x:due"),
            prefix,
        }
    }

    /// What the keys of tasks begin with; scripts append an id.
    pub(crate) fn tasks(&self) -> &str {
        &self.tasks
    }

    /// HASH: a task.
    pub(crate) fn task(&self, id: &TaskId) -> String {
        concat(&[&self.tasks, id.as_str()])
    }

    /// Ours, STRING: that a task came from an outbox and need not be published again.
    pub(crate) fn published(&self, id: &TaskId) -> String {
        concat(&[&self.prefix, "x:pub:", id.as_str()])
    }

    /// STRING: the unique lock of a task type and payload; its value is the id of the task that holds it.
    ///
    /// Go makes two locks for no bytes: nothing after the last colon for a nil payload, the MD5 of nothing
    /// for an empty one. We have one kind of empty payload and take the former: `NewTask(type, nil)` is how
    /// a Go program says "no payload", and an empty one is nil once it has been on the wire.
    pub(crate) fn unique(&self, task_type: &TaskType, payload: &[u8]) -> String {
        let mut hash = [0; 32];
        let hash = if payload.is_empty() {
            ""
        } else {
            hex::encode_to_slice(Md5::digest(payload), &mut hash).expect("16 bytes are 32 digits");
            std::str::from_utf8(&hash).expect("hexadecimal digits are ASCII")
        };
        concat(&[&self.prefix, "unique:", task_type.as_str(), ":", hash])
    }

    /// ZSET: the tasks waiting in a group, by the Unix second at which they came.
    pub(crate) fn group(&self, group: &str) -> String {
        concat(&[&self.prefix, "g:", group])
    }

    /// The group of a set, from the set's key.
    pub(crate) fn group_of<'a>(&self, set: &'a str) -> Option<&'a str> {
        let (group, _) = set.strip_prefix(&self.prefix)?.strip_prefix("g:")?.rsplit_once(':')?;
        Some(group)
    }

    /// ZSET: the tasks of a group that are being aggregated together.
    pub(crate) fn set(&self, group: &str, set: &str) -> String {
        concat(&[&self.prefix, "g:", group, ":", set])
    }

    /// STRING: [`Self::processed`] on the UTC day of `at`.
    pub(crate) fn processed_on(&self, at: Timestamp) -> String {
        concat(&[&self.processed, ":", &go_time::day(at)])
    }

    /// STRING: [`Self::failed`] on the UTC day of `at`.
    pub(crate) fn failed_on(&self, at: Timestamp) -> String {
        concat(&[&self.failed, ":", &go_time::day(at)])
    }
}

fn concat(parts: &[&str]) -> String {
    parts.concat()
}

/// The keys of the queues that were used, made once.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    queues: RwLock<HashMap<QueueName, Arc<QueueKeys>>>,
}

impl KeyCache {
    /// How many queues are remembered; a program that invents queue names must not fill the memory.
    pub(crate) const CAPACITY: usize = 1024;

    /// The keys of a queue.
    pub(crate) fn get(&self, queue: &QueueName) -> Arc<QueueKeys> {
        // A map of finished values is whole even if a thread died while it held the lock.
        if let Some(keys) = self.queues.read().unwrap_or_else(PoisonError::into_inner).get(queue) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(QueueKeys::new(queue));
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= Self::CAPACITY {
            queues.clear();
        }
        queues.insert(queue.clone(), Arc::clone(&keys));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(queue: &str) -> QueueKeys {
        QueueKeys::new(&QueueName::new(queue).unwrap())
    }

    fn unique(payload: &[u8]) -> String {
        keys("default").unique(&TaskType::new("email:send").unwrap(), payload)
    }

    #[test]
    fn every_key_is_spelled_as_go_spells_it() {
        let keys = keys("default");
        let id = TaskId::new("a:b").unwrap();
        assert_eq!(keys.pending, "asynq:{default}:pending");
        assert_eq!(keys.aggregation_sets, "asynq:{default}:aggregation_sets");
        assert_eq!(keys.task(&id), "asynq:{default}:t:a:b");
        assert_eq!(keys.group("g1"), "asynq:{default}:g:g1");
        assert_eq!(keys.set("g1", "s"), "asynq:{default}:g:g1:s");
        assert_eq!(keys.due, "asynq:{default}:x:due");
        assert_eq!(keys.published(&id), "asynq:{default}:x:pub:a:b");
        let at = Timestamp::from_millis(1_795_149_409_210);
        assert_eq!(keys.processed_on(at), "asynq:{default}:processed:2026-11-20");
        assert_eq!(keys.failed_on(at), "asynq:{default}:failed:2026-11-20");
    }

    #[test]
    fn a_lock_is_the_one_that_go_takes_for_the_same_payload() {
        assert_eq!(
            unique(br#"{"user":3}"#),
            "asynq:{default}:unique:email:send:da5bb4fd19124713ea096083115d0af2"
        );
        assert_eq!(unique(b"u"), "asynq:{default}:unique:email:send:7b774effe4a349c6dd82ad4f4f21d34c");
    }

    #[test]
    fn an_empty_payload_takes_the_lock_of_a_nil_one() {
        assert_eq!(unique(b""), "asynq:{default}:unique:email:send:");
    }

    #[test]
    fn a_worker_is_found_again_in_the_names_of_its_keys() {
        let worker = WorkerId::from_stored("vm:20089:d5eb793e-184b-4b88-aaa0-5a314f61ddf7");
        assert_eq!(server(&worker), "asynq:servers:{vm:20089:d5eb793e-184b-4b88-aaa0-5a314f61ddf7}");
        for key in [server(&worker), workers(&worker), scheduler(&worker)] {
            assert_eq!(worker_of(&key), Some(worker.clone()), "{key}");
        }
        assert_eq!(worker_of("asynq:servers"), None);
    }

    #[test]
    fn the_cache_gives_the_same_keys_again_and_stays_bounded() {
        let cache = KeyCache::default();
        let queue = QueueName::default();
        assert!(Arc::ptr_eq(&cache.get(&queue), &cache.get(&queue)));
        for i in 0..2 * KeyCache::CAPACITY {
            cache.get(&QueueName::new(i.to_string()).unwrap());
        }
        assert!(cache.queues.read().unwrap().len() <= KeyCache::CAPACITY);
    }
}
