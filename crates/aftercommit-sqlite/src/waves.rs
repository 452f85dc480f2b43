//! Which tasks of a batch may be stored together. One statement judges all its tasks by what was there
//! before it, so those that want the same id or the same lock go into different ones. Nearly every batch
//! is a single wave.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;

use aftercommit_core::{Enqueue, Message, Refusal, Result};
use sha2::{Digest, Sha256};

/// How many bytes of payloads go into one wave, if it has more than one task; SQLite takes no statement
/// with a gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A task to store, with the key of its lock, if it takes one.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) task: &'a Enqueue,
    pub(crate) lock: Option<String>,
}

impl<'a> New<'a> {
    pub(crate) fn of(task: &'a Enqueue) -> Self {
        Self { task, lock: task.unique_for.map(|_| lock_key(&task.message)) }
    }

    fn id(&self) -> (&'a str, &'a str) {
        (self.task.message.queue.as_str(), self.task.message.id.as_str())
    }

    fn lock(&self) -> Option<(&'a str, &str)> {
        self.lock.as_deref().map(|key| (self.task.message.queue.as_str(), key))
    }
}

/// What a unique lock is about, beside the queue: a digest of type and payload, in hex.
fn lock_key(message: &Message) -> String {
    let mut digest = Sha256::new();
    // The length keeps a type that ends as a payload begins from meeting another such pair.
    digest.update((message.task_type.as_str().len() as u64).to_le_bytes());
    digest.update(message.task_type.as_str());
    digest.update(&message.payload);
    digest.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to memory does not fail");
        hex
    })
}

/// The waves of one batch, each a stretch of it, so that the tasks stand in their queues in the order of
/// the batch. The next one is given out once the one before it has been stored.
pub(crate) struct Waves<'a> {
    new: &'a [New<'a>],
    /// Where the next wave begins.
    at: usize,
    /// Ids and locks of which is known that they are taken: who wants them is refused in any wave.
    ids: HashSet<(&'a str, &'a str)>,
    locks: HashSet<(&'a str, &'a str)>,
}

impl<'a> Waves<'a> {
    pub(crate) fn new(new: &'a [New<'a>]) -> Self {
        Self { new, at: 0, ids: HashSet::new(), locks: HashSet::new() }
    }

    /// The next tasks to store together, as places in the batch.
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        self.at += match &self.new[begin..] {
            [] => return None,
            [_] => 1,
            open => self.length(open),
        };
        Some(begin..self.at)
    }

    /// How many tasks from the first one on want nothing of each other that may be free.
    fn length(&self, open: &'a [New<'a>]) -> usize {
        let mut ids = HashSet::with_capacity(open.len());
        let (mut locks, mut bytes) = (HashSet::new(), 0);
        let go_together = open.iter().take_while(|&new| {
            bytes += new.task.message.payload.len();
            let has_own_id = ids.insert(new.id()) || self.ids.contains(&new.id());
            let has_own_lock = new.lock().is_none_or(|lock| locks.insert(lock) || self.locks.contains(&lock));
            bytes <= MAX_BYTES && has_own_id && has_own_lock
        });
        go_together.count().max(1)
    }

    /// Remembers what is taken now, for those that wait.
    pub(crate) fn learn(&mut self, wave: Range<usize>, answers: &[Result<(), Refusal>]) {
        if self.at == self.new.len() {
            return;
        }
        for (new, answer) in self.new[wave.clone()].iter().zip(&answers[wave]) {
            if *answer != Err(Refusal::Duplicate) {
                self.ids.insert(new.id());
            }
            if *answer != Err(Refusal::IdConflict) {
                self.locks.extend(new.lock());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aftercommit_core::{NewTask, Options, RawTask, TaskType, Timestamp};

    use super::*;

    fn task(options: Options, payload: &'static str) -> Enqueue {
        let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: payload.into() };
        NewTask { task, options }.resolve(&Options::new(), Timestamp::from_millis(0)).unwrap()
    }

    fn plain(id: &str) -> Enqueue {
        task(Options::new().id(id), "")
    }

    fn unique(id: &str, payload: &'static str) -> Enqueue {
        task(Options::new().id(id).unique_for(Duration::from_secs(1)), payload)
    }

    /// The lengths of the waves of a batch that is stored with these answers.
    fn waves(batch: &[Enqueue], answers: &[Result<(), Refusal>]) -> Vec<usize> {
        let new: Vec<New<'_>> = batch.iter().map(New::of).collect();
        let mut waves = Waves::new(&new);
        let mut lengths = Vec::new();
        while let Some(wave) = waves.next() {
            assert_eq!(wave.start, lengths.iter().sum::<usize>(), "a wave begins where the last one ended");
            lengths.push(wave.len());
            waves.learn(wave, answers);
        }
        assert_eq!(lengths.iter().sum::<usize>(), batch.len());
        lengths
    }

    const CONFLICT: Result<(), Refusal> = Err(Refusal::IdConflict);
    const DUPLICATE: Result<(), Refusal> = Err(Refusal::Duplicate);

    #[test]
    fn tasks_that_want_nothing_of_each_other_go_together() {
        let batch = [plain("a"), plain("b"), unique("c", "1"), unique("d", "2"), plain("e")];
        assert_eq!(waves(&batch, &[Ok(()); 5]), [5]);
        assert_eq!(waves(&[], &[]), [0; 0]);
    }

    #[test]
    fn many_that_want_what_the_first_one_got_are_refused_together() {
        let batch: Vec<_> = ["a", "b", "c", "d"].iter().map(|id| unique(id, "same")).collect();
        assert_eq!(waves(&batch, &[Ok(()), DUPLICATE, DUPLICATE, DUPLICATE]), [1, 3]);
        let batch = [plain("a"), plain("a"), plain("a"), plain("b")];
        assert_eq!(waves(&batch, &[Ok(()), CONFLICT, CONFLICT, Ok(())]), [1, 3]);
    }

    #[test]
    fn what_the_first_one_did_not_get_goes_to_the_next() {
        let taken = [unique("taken", "same"), unique("b", "same"), unique("c", "same")];
        assert_eq!(waves(&taken, &[CONFLICT, Ok(()), DUPLICATE]), [1, 1, 1]);
        let held = [unique("same", "held"), plain("same"), plain("same")];
        assert_eq!(waves(&held, &[DUPLICATE, Ok(()), CONFLICT]), [1, 1, 1]);
    }

    #[test]
    fn payloads_of_many_megabytes_go_one_by_one() {
        let long: &'static str = "x".repeat(MAX_BYTES / 2 + 1).leak();
        let batch: Vec<_> = ["a", "b", "c"].iter().map(|id| task(Options::new().id(*id), long)).collect();
        assert_eq!(waves(&batch, &[Ok(()); 3]), [1, 1, 1]);
    }

    #[test]
    fn a_lock_is_about_the_type_and_the_payload_and_where_one_ends() {
        let key = |task_type, payload: &'static str| {
            let mut message = plain("a").message;
            message.task_type = TaskType::new(task_type).unwrap();
            message.payload = payload.into();
            lock_key(&message)
        };
        assert_eq!(key("ab", "c").len(), 64);
        assert_eq!(key("ab", "c"), key("ab", "c"));
        assert_ne!(key("ab", "c"), key("a", "bc"));
    }
}
