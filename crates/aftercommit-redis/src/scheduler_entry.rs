//! The records of schedulers: their entries, and what each entry enqueued when.

use aftercommit_core::Timestamp;
use bytes::Bytes;
use prost::Message as _;

use crate::entry_option::EntryOption;
use crate::{go_time, proto};

/// A periodic task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id, new at each start of its scheduler.
    pub(crate) id: String,
    /// When it is enqueued, as in `@every 1s` or `*/5 * * * *`.
    pub(crate) spec: String,
    /// The type of the task.
    pub(crate) task_type: String,
    /// Its payload.
    pub(crate) payload: Bytes,
    /// Its options.
    pub(crate) options: Vec<EntryOption>,
    /// When it is enqueued next.
    pub(crate) next_at: Option<Timestamp>,
    /// When it was enqueued last.
    pub(crate) prev_at: Option<Timestamp>,
}

impl Entry {
    /// Writes the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        proto::SchedulerEntry {
            id: self.id.clone(),
            spec: self.spec.clone(),
            task_type: self.task_type.clone(),
            task_payload: self.payload.clone(),
            enqueue_options: self.options.iter().map(ToString::to_string).collect(),
            next_enqueue_time: go_time::to_proto(self.next_at),
            prev_enqueue_time: go_time::to_proto(self.prev_at),
        }
        .encode_to_vec()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no protobuf.
    pub(crate) fn decode(record: Bytes) -> Result<Self, prost::DecodeError> {
        let record = proto::SchedulerEntry::decode(record)?;
        Ok(Self {
            id: record.id,
            spec: record.spec,
            task_type: record.task_type,
            payload: record.task_payload,
            options: record.enqueue_options.iter().map(|text| EntryOption::parse(text)).collect(),
            next_at: go_time::from_proto(record.next_enqueue_time.as_ref()),
            prev_at: go_time::from_proto(record.prev_enqueue_time.as_ref()),
        })
    }
}

/// That an entry enqueued a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnqueueEvent {
    /// The id that the task was given.
    pub(crate) task_id: String,
    /// When.
    pub(crate) at: Timestamp,
}

impl EnqueueEvent {
    /// Writes the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let enqueue_time = go_time::to_proto(Some(self.at));
        proto::SchedulerEnqueueEvent { task_id: self.task_id.clone(), enqueue_time }.encode_to_vec()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If it is no protobuf.
    pub(crate) fn decode(record: &[u8]) -> Result<Self, prost::DecodeError> {
        let record = proto::SchedulerEnqueueEvent::decode(record)?;
        let at = go_time::from_proto(record.enqueue_time.as_ref()).unwrap_or_default();
        Ok(Self { task_id: record.task_id, at })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ENTRY: &str = "\
        0a2434613231653137312d313133392d343137332d613936662d65313832626532303637356412094065766572792031\
        731a0963726f6e3a7469636b2201632a0b51756575652822713222292a0b4d617852657472792831292a0a556e697175\
        65283173292a0c54696d656f757428333073292a12526574656e74696f6e28323468306d307329320608e99cffd7063a\
        0608e89cffd706";
    const EVENT: &str = "\
        0a2463633039336663352d383539642d343436362d393263312d313532646461633563656339120a08e29cffd70610d3\
        c541";

    #[test]
    fn an_entry_written_by_go_is_read_and_written_as_it_was() {
        let record = Bytes::from(hex::decode(ENTRY).unwrap());
        let entry = Entry::decode(record.clone()).unwrap();
        assert_eq!((entry.spec.as_str(), entry.task_type.as_str()), ("@every 1s", "cron:tick"));
        assert_eq!(
            entry.options,
            [
                EntryOption::Queue("q2".into()),
                EntryOption::MaxRetry(1),
                EntryOption::Unique(Duration::from_secs(1)),
                EntryOption::Timeout(Duration::from_secs(30)),
                EntryOption::Retention(Duration::from_secs(86_400)),
            ]
        );
        assert_eq!(entry.next_at, Some(Timestamp::from_millis(1_795_149_417_000)));
        assert_eq!(entry.prev_at, Some(Timestamp::from_millis(1_795_149_416_000)));
        assert_eq!(entry.encode(), record);
    }

    #[test]
    fn an_entry_that_was_never_enqueued_says_so() {
        let entry = Entry { prev_at: None, ..Entry::decode(hex::decode(ENTRY).unwrap().into()).unwrap() };
        let record = proto::SchedulerEntry::decode(&*entry.encode()).unwrap();
        assert_eq!(record.prev_enqueue_time.unwrap().seconds, -62_135_596_800);
        assert_eq!(Entry::decode(entry.encode().into()).unwrap(), entry);
    }

    #[test]
    fn an_event_written_by_go_is_read() {
        let event = EnqueueEvent::decode(&hex::decode(EVENT).unwrap()).unwrap();
        assert_eq!(event.task_id, "cc093fc5-859d-4466-92c1-152ddac5cec9");
        assert_eq!(event.at, Timestamp::from_millis(1_795_149_410_001));
        assert_eq!(EnqueueEvent::decode(&event.encode()).unwrap(), event);
    }
}
