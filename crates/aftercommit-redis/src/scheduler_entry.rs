//! The records of schedulers: their entries, and what each entry enqueued when.

use aftercommit_core::{EnqueueEvent, ScheduleEntry, TaskId};
use bytes::Bytes;
use prost::Message as _;

use crate::{go_time, proto};

/// Writes the record of an entry.
pub(crate) fn encode(entry: &ScheduleEntry) -> Vec<u8> {
    proto::SchedulerEntry {
        id: entry.id.clone(),
        spec: entry.spec.clone(),
        task_type: entry.task_type.clone(),
        task_payload: entry.payload.clone(),
        enqueue_options: entry.options.clone(),
        next_enqueue_time: go_time::to_proto(entry.next_at),
        prev_enqueue_time: go_time::to_proto(entry.previous_at),
    }
    .encode_to_vec()
}

/// Reads the record of an entry.
///
/// # Errors
/// If it is no protobuf.
pub(crate) fn decode(record: Bytes) -> Result<ScheduleEntry, prost::DecodeError> {
    let record = proto::SchedulerEntry::decode(record)?;
    Ok(ScheduleEntry {
        id: record.id,
        spec: record.spec,
        task_type: record.task_type,
        payload: record.task_payload,
        options: record.enqueue_options,
        next_at: go_time::from_proto(record.next_enqueue_time.as_ref()),
        previous_at: go_time::from_proto(record.prev_enqueue_time.as_ref()),
    })
}

/// Writes the record of an event.
pub(crate) fn encode_event(event: &EnqueueEvent) -> Vec<u8> {
    let enqueue_time = go_time::to_proto(Some(event.at));
    proto::SchedulerEnqueueEvent { task_id: event.task.to_string(), enqueue_time }.encode_to_vec()
}

/// Reads the record of an event; none if it cannot be read, or its task has an id that we do not allow.
pub(crate) fn decode_event(record: &[u8]) -> Option<EnqueueEvent> {
    let record = proto::SchedulerEnqueueEvent::decode(record).ok()?;
    let at = go_time::from_proto(record.enqueue_time.as_ref()).unwrap_or_default();
    Some(EnqueueEvent { task: TaskId::new(record.task_id).ok()?, at })
}

#[cfg(test)]
mod tests {
    use aftercommit_core::Timestamp;

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
        let entry = decode(record.clone()).unwrap();
        assert_eq!((entry.spec.as_str(), entry.task_type.as_str()), ("@every 1s", "cron:tick"));
        assert_eq!(
            entry.options,
            ["Queue(\"q2\")", "MaxRetry(1)", "Unique(1s)", "Timeout(30s)", "Retention(24h0m0s)"]
        );
        assert_eq!(entry.next_at, Some(Timestamp::from_millis(1_795_149_417_000)));
        assert_eq!(entry.previous_at, Some(Timestamp::from_millis(1_795_149_416_000)));
        assert_eq!(encode(&entry), record);
    }

    #[test]
    fn an_entry_that_was_never_enqueued_says_so() {
        let entry =
            ScheduleEntry { previous_at: None, ..decode(hex::decode(ENTRY).unwrap().into()).unwrap() };
        let record = proto::SchedulerEntry::decode(&*encode(&entry)).unwrap();
        assert_eq!(record.prev_enqueue_time.unwrap().seconds, -62_135_596_800);
        assert_eq!(decode(encode(&entry).into()).unwrap(), entry);
    }

    #[test]
    fn an_event_written_by_go_is_read() {
        let event = decode_event(&hex::decode(EVENT).unwrap()).unwrap();
        assert_eq!(event.task.as_str(), "cc093fc5-859d-4466-92c1-152ddac5cec9");
        assert_eq!(event.at, Timestamp::from_millis(1_795_149_410_001));
        assert_eq!(decode_event(&encode_event(&event)).unwrap(), event);
    }
}
