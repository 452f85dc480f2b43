//! Which tasks of a batch may be stored together. One statement judges all its tasks by what was there
//! before it; so those that want the same id or the same lock go into different ones, in their order.
//! Nearly every batch is a single wave.

use std::collections::HashSet;
use std::fmt::Write;

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

/// The waves of one batch; each is given out once the one before it has been stored.
pub(crate) struct Waves<'a> {
    new: &'a [New<'a>],
    open: Vec<usize>,
    /// Ids and locks of which is known that they are taken: who wants them is refused in any order.
    ids: HashSet<(&'a str, &'a str)>,
    locks: HashSet<(&'a str, &'a str)>,
}

impl<'a> Waves<'a> {
    pub(crate) fn new(new: &'a [New<'a>]) -> Self {
        Self { new, open: (0..new.len()).collect(), ids: HashSet::new(), locks: HashSet::new() }
    }

    /// The next tasks to store together, as places in the batch.
    pub(crate) fn next(&mut self) -> Option<Vec<usize>> {
        if self.open.len() <= 1 {
            return self.open.pop().map(|last| vec![last]);
        }
        let mut ids = HashSet::with_capacity(self.open.len());
        let (mut locks, mut bytes) = (HashSet::new(), 0);
        let (mut wave, mut later) = (Vec::with_capacity(self.open.len()), Vec::new());
        for &at in &self.open {
            let (id, lock) = (self.new[at].id(), self.new[at].lock());
            let first_with_id = ids.insert(id) || self.ids.contains(&id);
            let first_with_lock = lock.is_none_or(|lock| locks.insert(lock) || self.locks.contains(&lock));
            bytes += self.new[at].task.message.payload.len();
            let fits = bytes <= MAX_BYTES || wave.is_empty();
            if fits && first_with_id && first_with_lock { wave.push(at) } else { later.push(at) }
        }
        self.open = later;
        Some(wave)
    }

    /// Remembers what is taken now, for those that wait.
    pub(crate) fn learn(&mut self, wave: &[usize], answers: &[Result<(), Refusal>]) {
        if self.open.is_empty() {
            return;
        }
        for &at in wave {
            let new = &self.new[at];
            if answers[at] != Err(Refusal::Duplicate) {
                self.ids.insert(new.id());
            }
            if answers[at] != Err(Refusal::IdConflict) {
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

    /// The waves of a batch that is stored with these answers.
    fn waves(batch: &[Enqueue], answers: &[Result<(), Refusal>]) -> Vec<Vec<usize>> {
        let new: Vec<New<'_>> = batch.iter().map(New::of).collect();
        let mut waves = Waves::new(&new);
        let mut all = Vec::new();
        while let Some(wave) = waves.next() {
            waves.learn(&wave, answers);
            all.push(wave);
        }
        all
    }

    #[test]
    fn tasks_that_want_nothing_of_each_other_go_together() {
        let batch = [plain("a"), plain("b"), unique("c", "1"), unique("d", "2"), plain("e")];
        assert_eq!(waves(&batch, &[Ok(()); 5]), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(waves(&[], &[]), [[0_usize; 0]; 0]);
    }

    #[test]
    fn many_that_want_what_the_first_one_got_are_refused_together() {
        let batch: Vec<_> = ["a", "b", "c", "d"].iter().map(|id| unique(id, "same")).collect();
        let answers = [Ok(()), Err(Refusal::Duplicate), Err(Refusal::Duplicate), Err(Refusal::Duplicate)];
        assert_eq!(waves(&batch, &answers), [vec![0], vec![1, 2, 3]]);
    }

    #[test]
    fn what_the_first_one_did_not_get_goes_to_the_next() {
        let taken = [unique("taken", "same"), unique("b", "same"), unique("c", "same")];
        let answers = [Err(Refusal::IdConflict), Ok(()), Err(Refusal::Duplicate)];
        assert_eq!(waves(&taken, &answers), [vec![0], vec![1], vec![2]]);
        let held = [unique("same", "held"), plain("same"), plain("same")];
        let answers = [Err(Refusal::Duplicate), Ok(()), Err(Refusal::IdConflict)];
        assert_eq!(waves(&held, &answers), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn payloads_of_many_megabytes_go_one_by_one() {
        let long: &'static str = "x".repeat(MAX_BYTES / 2 + 1).leak();
        let batch: Vec<_> = ["a", "b", "c"].iter().map(|id| task(Options::new().id(*id), long)).collect();
        assert_eq!(waves(&batch, &[Ok(()); 3]), [[0], [1], [2]]);
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
