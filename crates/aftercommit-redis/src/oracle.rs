//! For tests: messages of every shape, and the same message as an independent protobuf library sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercommit_core::{GroupName, Message, QueueName, TaskId, TaskType, Timestamp};
use bytes::Bytes;
use proptest::prelude::*;

use crate::seconds;

/// asynq's `TaskMessage`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TaskMessage {
    #[prost(string, tag = "1")]
    pub(crate) task_type: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) payload: Bytes,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(string, tag = "4")]
    pub(crate) queue: String,
    #[prost(int32, tag = "5")]
    pub(crate) retry: i32,
    #[prost(int32, tag = "6")]
    pub(crate) retried: i32,
    #[prost(string, tag = "7")]
    pub(crate) error_msg: String,
    #[prost(int64, tag = "8")]
    pub(crate) timeout: i64,
    #[prost(int64, tag = "9")]
    pub(crate) deadline: i64,
    #[prost(string, tag = "10")]
    pub(crate) unique_key: String,
    #[prost(int64, tag = "11")]
    pub(crate) last_failed_at: i64,
    #[prost(int64, tag = "12")]
    pub(crate) retention: i64,
    #[prost(int64, tag = "13")]
    pub(crate) completed_at: i64,
    #[prost(string, tag = "14")]
    pub(crate) group_key: String,
    #[prost(message, repeated, tag = "15")]
    pub(crate) headers: Vec<Header>,
}

/// An entry of a map as Go writes it: both fields always there.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Header {
    #[prost(string, required, tag = "1")]
    pub(crate) key: String,
    #[prost(string, required, tag = "2")]
    pub(crate) value: String,
}

/// A message with what stands beside it on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) message: Message,
    pub(crate) unique_key: Option<String>,
}

impl From<&Sample> for TaskMessage {
    fn from(Sample { message, unique_key }: &Sample) -> Self {
        let headers = message.headers.iter();
        Self {
            task_type: message.task_type.to_string(),
            payload: message.payload.clone(),
            id: message.id.to_string(),
            queue: message.queue.to_string(),
            retry: message.max_retry.try_into().unwrap(),
            retried: message.retried.try_into().unwrap(),
            error_msg: message.last_error.clone().unwrap_or_default(),
            timeout: message.timeout.map_or(0, seconds::of_length),
            deadline: message.deadline.map_or(0, seconds::of_deadline),
            unique_key: unique_key.clone().unwrap_or_default(),
            last_failed_at: message.last_failed_at.map_or(0, seconds::of_past),
            retention: seconds::of_length(message.retention),
            completed_at: 0,
            group_key: message.group.as_ref().map_or_else(String::new, GroupName::to_string),
            headers: headers.map(|(k, v)| Header { key: k.clone(), value: v.clone() }).collect(),
        }
    }
}

/// Any message.
pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let count = 0..=i32::MAX.cast_unsigned();
    let texts = ("[a-zé:]{1,12}", "[ -~]{0,9}[!-~]", "[ -~]{0,9}[!-~]", any::<Vec<u8>>(), headers());
    let numbers = (count.clone(), count, optional_length(), optional_moment(), length(), optional_moment());
    let optional = proptest::option::of(".{1,12}");
    let group = proptest::option::of("[a-zé:]{1,12}");
    (texts, numbers, optional.clone(), optional, group).prop_map(
        |((task_type, id, queue, payload, headers), numbers, last_error, unique_key, group)| {
            let (max_retry, retried, timeout, deadline, retention, last_failed_at) = numbers;
            let message = Message {
                id: TaskId::new(id).unwrap(),
                queue: QueueName::new(queue).unwrap(),
                task_type: TaskType::new(task_type).unwrap(),
                payload: payload.into(),
                group: group.map(|group| GroupName::new(group).unwrap()),
                headers,
                max_retry,
                timeout,
                deadline,
                retention,
                retried,
                recovered: 0,
                last_error,
                last_failed_at,
            };
            Sample { message, unique_key }
        },
    )
}

fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(".{0,6}", ".{0,6}", 0..4)
}

/// Mostly a usual number of milliseconds, now and then any at all.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0u64..10_000).prop_map(Duration::from_millis),
        4 => (0u64..100_000).prop_map(Duration::from_secs),
        1 => any::<Duration>(),
    ]
}

fn optional_length() -> impl Strategy<Value = Option<Duration>> {
    proptest::option::of(length().prop_filter("a timeout of zero is none", |length| !length.is_zero()))
}

fn optional_moment() -> impl Strategy<Value = Option<Timestamp>> {
    let millis =
        prop_oneof![4 => 0i64..10_000, 4 => 1_795_149_409_000i64..1_795_149_419_000, 1 => any::<i64>()];
    proptest::option::of(millis.prop_map(Timestamp::from_millis))
}
