//! The stored form of a task: asynq's protobuf `TaskMessage`, written byte for byte as Go writes it and
//! read with more patience than Go has.

use std::collections::BTreeMap;

use aftercommit_core::{GroupName, Message, QueueName, TaskId, TaskType, Timestamp};
use bytes::Bytes;

use crate::exact::Exact;
use crate::salvage;
pub(crate) use crate::salvage::Undecodable;
use crate::seconds;
use crate::view::{View, header, number};
use crate::wire;

/// Writes a message: fields in ascending order, defaults left out. What seconds cannot hold is lost here
/// and belongs beside the message, see [`Exact::of`]; so does [`Message::recovered`].
pub(crate) fn encode(message: &Message, unique_key: Option<&str>) -> Vec<u8> {
    let unique_key = unique_key.unwrap_or_default();
    let group = message.group.as_ref().map_or("", GroupName::as_str);
    let error = message.last_error.as_deref().unwrap_or_default();
    let texts =
        [message.task_type.as_str(), message.id.as_str(), message.queue.as_str(), unique_key, group, error];
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let header_bytes: usize =
        message.headers.iter().map(|(key, value)| HEADER_FRAME + key.len() + value.len()).sum();
    let mut out = Vec::with_capacity(FRAME + text_bytes + message.payload.len() + header_bytes);
    wire::put_bytes(&mut out, number::TYPE, message.task_type.as_str().as_bytes());
    wire::put_bytes(&mut out, number::PAYLOAD, &message.payload);
    wire::put_bytes(&mut out, number::ID, message.id.as_str().as_bytes());
    wire::put_bytes(&mut out, number::QUEUE, message.queue.as_str().as_bytes());
    wire::put_int(&mut out, number::MAX_RETRY, count(message.max_retry));
    wire::put_int(&mut out, number::RETRIED, count(message.retried));
    wire::put_bytes(&mut out, number::ERROR, error.as_bytes());
    wire::put_int(&mut out, number::TIMEOUT, message.timeout.map_or(0, seconds::of_length));
    wire::put_int(&mut out, number::DEADLINE, message.deadline.map_or(0, seconds::of_deadline));
    wire::put_bytes(&mut out, number::UNIQUE_KEY, unique_key.as_bytes());
    wire::put_int(&mut out, number::LAST_FAILED_AT, message.last_failed_at.map_or(0, seconds::of_past));
    wire::put_int(&mut out, number::RETENTION, seconds::of_length(message.retention));
    wire::put_bytes(&mut out, number::GROUP, group.as_bytes());
    for (key, value) in &message.headers {
        put_header(&mut out, key, value);
    }
    out
}

/// More than the keys, lengths and integers of a message take, so that it is written without growing.
const FRAME: usize = 96;
/// The same for one header.
const HEADER_FRAME: usize = 20;

fn put_header(out: &mut Vec<u8>, key: &str, value: &str) {
    let mut entry = Vec::with_capacity(HEADER_FRAME + key.len() + value.len());
    wire::put_bytes_always(&mut entry, number::KEY, key.as_bytes());
    wire::put_bytes_always(&mut entry, number::VALUE, value.as_bytes());
    wire::put_bytes_always(out, number::HEADERS, &entry);
}

/// A count as Go holds it: 32 bits, signed.
pub(crate) fn count(value: u32) -> i64 {
    i64::from(i32::try_from(value).unwrap_or(i32::MAX))
}

/// A message that was read, and what stands in it that a [`Message`] does not carry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The task; [`Message::recovered`] is not on the wire and is zero here.
    pub(crate) message: Message,
    /// The key of its unique lock.
    pub(crate) unique_key: Option<Bytes>,
    /// When it completed.
    pub(crate) completed_at: Option<Timestamp>,
}

/// Reads the message stored for the task `id` of `queue`, and what [`Exact::text`] stored beside it.
///
/// Queue and id are those of the key under which it lies, since leases, lists and the outcome go by that
/// key; the copies inside the message may be missing. The payload shares the memory of `stored`.
///
/// # Errors
/// [`Undecodable`] with what could be read of it.
pub(crate) fn decode(
    stored: &Bytes,
    exact: Option<&[u8]>,
    queue: &QueueName,
    id: TaskId,
) -> Result<Decoded, Undecodable> {
    let (view, fault) = View::read(stored);
    let exact = exact.map(Exact::parse).unwrap_or_default();
    let message = |task_type, headers, group| Message {
        id,
        queue: queue.clone(),
        task_type,
        payload: stored.slice_ref(view.payload),
        // A name that we do not allow stays in the bytes and in the hash; the task is worth more than it.
        group,
        headers,
        max_retry: u32::try_from(view.max_retry).unwrap_or(0),
        timeout: seconds::length(view.timeout, exact.timeout),
        deadline: seconds::deadline(view.deadline, exact.deadline),
        retention: seconds::length(view.retention, exact.retention).unwrap_or_default(),
        retried: u32::try_from(view.retried).unwrap_or(0),
        recovered: 0,
        last_error: some(view.error).map(|error| String::from_utf8_lossy(error).into_owned()),
        last_failed_at: seconds::past(view.last_failed_at, exact.last_failed_at),
    };
    let parts = fault.map_or(Ok(()), |fault| Err(fault.to_string())).and_then(|()| {
        // Go allows more names than we do; what can be read can be run.
        let task_type = text("task type", view.task_type)?;
        if task_type.trim().is_empty() {
            return Err("the task type is blank".to_owned());
        }
        let task_type = TaskType::from_stored(task_type);
        let group = some(view.group).map(|group| text("group", group)).transpose()?;
        let group = group.and_then(|group| GroupName::new(group).ok());
        Ok((task_type, headers(&view)?, group))
    });
    match parts {
        Ok((task_type, headers, group)) => Ok(Decoded {
            message: message(task_type, headers, group),
            unique_key: some(view.unique_key).map(|key| stored.slice_ref(key)),
            completed_at: seconds::past(view.completed_at, exact.completed_at),
        }),
        Err(reason) => {
            let stand_in = message(salvage::task_type(view.task_type), salvage::headers(&view.headers), None);
            Err(Undecodable::new(reason, stand_in))
        }
    }
}

/// The key of the unique lock that stands in a stored message.
pub(crate) fn unique_key(stored: &Bytes) -> Option<Bytes> {
    let (view, _) = View::read(stored);
    some(view.unique_key).map(|key| stored.slice_ref(key))
}

fn headers(view: &View<'_>) -> Result<BTreeMap<String, String>, String> {
    let read = |entry: &&[u8]| {
        let (key, value) = header(entry).map_err(|fault| format!("in a header, {fault}"))?;
        Ok((text("key of a header", key)?.to_owned(), text("value of a header", value)?.to_owned()))
    };
    view.headers.iter().map(read).collect()
}

fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|_| format!("the {what} is not valid UTF-8"))
}

fn some(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::oracle::{self, TaskMessage};

    fn read(stored: &[u8]) -> Result<Decoded, Undecodable> {
        decode(&Bytes::copy_from_slice(stored), None, &QueueName::default(), TaskId::new("id").unwrap())
    }

    fn typed(rest: &str) -> Vec<u8> {
        hex::decode(format!("0a0174{rest}")).unwrap()
    }

    #[test]
    fn missing_fields_have_their_defaults() {
        let Decoded { message, unique_key, completed_at } = read(&typed("")).unwrap();
        assert_eq!((message.id.as_str(), message.queue.as_str()), ("id", "default"));
        assert_eq!(
            (message.max_retry, message.retried, message.timeout, message.deadline),
            (0, 0, None, None)
        );
        assert_eq!((message.last_error, message.last_failed_at), (None, None));
        assert_eq!((unique_key, &message.group, completed_at), (None, &None, None));
    }

    #[test]
    fn negative_and_overlong_integers_are_read_as_go_reads_them_and_never_below_zero() {
        // retry -1, retried 2^32 + 3, timeout -1, retention -1
        let message = read(&typed("28ffffffffffffffffff01308380808010" /* */)).unwrap().message;
        assert_eq!((message.max_retry, message.retried), (0, 3));
        let message = read(&typed("40ffffffffffffffffff0160ffffffffffffffffff01")).unwrap().message;
        assert_eq!((message.timeout, message.retention), (None, std::time::Duration::ZERO));
    }

    #[test]
    fn a_field_of_the_wrong_kind_is_as_good_as_absent() {
        let message = read(&typed("10052a0101")).unwrap().message;
        assert_eq!((message.payload.len(), message.max_retry), (0, 0));
    }

    #[test]
    fn the_payload_shares_the_memory_of_what_was_read() {
        let stored = Bytes::from(typed("1203616263"));
        let message = decode(&stored, None, &QueueName::default(), TaskId::random()).unwrap().message;
        assert_eq!(message.payload.as_ptr(), stored[5..].as_ptr());
    }

    #[test]
    fn what_a_u32_holds_and_go_does_not_is_cut_to_the_most_go_can_hold() {
        let mut message = read(&typed("")).unwrap().message;
        message.max_retry = u32::MAX;
        assert_eq!(TaskMessage::decode(&*encode(&message, None)).unwrap().retry, i32::MAX);
    }

    #[test]
    fn an_undecodable_message_says_why_and_hands_over_the_rest() {
        for (stored, reason) in [
            (vec![], "the task type is blank"),
            (typed("1205ab"), "the field at byte 3"),
            (hex::decode("0a01ff").unwrap(), "the task type is not valid UTF-8"),
            (typed("7201ff"), "the group is not valid UTF-8"),
            (typed("7a060a016b1201ff"), "the value of a header is not valid UTF-8"),
            (typed("7a020aff"), "in a header, the field at byte 0"),
        ] {
            let undecodable = read(&stored).unwrap_err();
            assert!(undecodable.to_string().contains(reason), "{undecodable}");
            let stand_in = undecodable.into_message();
            assert_eq!(stand_in.id.as_str(), "id");
            assert!(stand_in.last_error.as_ref().unwrap().contains(reason), "{stand_in:?}");
            assert_eq!(read(&encode(&stand_in, None)).unwrap().message, stand_in);
        }
    }

    #[test]
    fn of_a_message_that_is_cut_short_everything_before_the_cut_is_kept() {
        let stand_in = read(&typed("1203616263281930023a03626f6f40")).unwrap_err().into_message();
        assert_eq!((stand_in.task_type.as_str(), &*stand_in.payload), ("t", &b"abc"[..]));
        assert_eq!((stand_in.max_retry, stand_in.retried), (25, 2));
    }

    proptest! {
        #[test]
        fn a_message_is_written_as_any_protobuf_library_writes_it(sample in oracle::sample()) {
            let bytes = encode(&sample.message, sample.unique_key.as_deref());
            prop_assert!(bytes.len() <= bytes.capacity());
            prop_assert_eq!(&bytes, &TaskMessage::from(&sample).encode_to_vec());
        }

        #[test]
        fn a_message_reads_back_to_the_last_nanosecond(sample in oracle::sample()) {
            let oracle::Sample { message, unique_key } = sample;
            let stored = Bytes::from(encode(&message, unique_key.as_deref()));
            let exact = Exact::of(&message).text();
            let read = decode(&stored, exact.as_ref().map(String::as_bytes), &message.queue, message.id.clone());
            let unique_key = unique_key.map(Bytes::from);
            prop_assert_eq!(read.unwrap(), Decoded { message, unique_key, completed_at: None });
        }

        #[test]
        fn no_bytes_make_the_reader_panic(stored: Vec<u8>, exact: Option<Vec<u8>>) {
            let stored = Bytes::from(stored);
            match decode(&stored, exact.as_deref(), &QueueName::default(), TaskId::new("id").unwrap()) {
                Ok(decoded) => prop_assert!(!decoded.message.task_type.as_str().is_empty()),
                Err(undecodable) => prop_assert!(undecodable.into_message().last_error.is_some()),
            }
        }

        #[test]
        fn no_damaged_message_makes_the_reader_panic(
            sample in oracle::sample(), cut in 0usize..400, at in 0usize..400, byte: u8,
        ) {
            let mut stored = encode(&sample.message, sample.unique_key.as_deref());
            stored.truncate(cut.max(1));
            let at = at % stored.len();
            stored[at] = byte;
            if let Err(undecodable) = read(&stored) {
                let stand_in = undecodable.into_message();
                prop_assert!(read(&encode(&stand_in, None)).is_ok());
            }
        }
    }
}
