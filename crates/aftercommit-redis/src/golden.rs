//! For tests: every message of the corpus that Go wrote is understood, and written again byte for byte.

use std::collections::BTreeMap;

use aftercommit_core::{GroupName, QueueName, TaskId, Timestamp};
use bytes::Bytes;

use crate::exact::Exact;
use crate::message::{Decoded, decode, encode};
use crate::patch::{Change, Patch};
use crate::view::View;

const CORPUS: &str = include_str!("../tests/golden/messages.txt");

/// What the corpus says of one message.
struct Golden<'a> {
    msg: Bytes,
    facts: BTreeMap<&'a str, &'a str>,
}

impl<'a> Golden<'a> {
    fn read(block: &'a str) -> Self {
        let lines = block.lines().filter(|line| !line.starts_with('#'));
        let mut facts: BTreeMap<_, _> = lines.filter_map(|line| line.split_once(' ')).collect();
        let msg = hex::decode(facts.remove("msg").unwrap()).unwrap().into();
        Self { msg, facts }
    }

    fn text(&self, name: &str) -> &'a str {
        self.facts.get(name).copied().unwrap_or_default()
    }

    fn number(&self, name: &str) -> i64 {
        self.facts.get(name).map_or(0, |number| number.parse().unwrap())
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        Some(self.number(name)).filter(|secs| *secs != 0).map(|secs| Timestamp::from_millis(secs * 1000))
    }

    fn decode(&self) -> Decoded {
        let queue = QueueName::new(self.text("queue")).unwrap();
        decode(&self.msg, None, &queue, TaskId::new(self.text("id")).unwrap()).unwrap()
    }
}

fn corpus() -> Vec<Golden<'static>> {
    let blocks = CORPUS.split("\n\n").filter(|block| block.contains("msg "));
    blocks.map(Golden::read).collect()
}

#[test]
fn every_message_means_what_the_corpus_says() {
    for golden in corpus() {
        let Decoded { message, unique_key, completed_at } = golden.decode();
        assert_eq!(message.task_type.as_str(), golden.text("type"));
        assert_eq!(message.payload, golden.text("payload"));
        assert_eq!(i64::from(message.max_retry), golden.number("retry"));
        assert_eq!(i64::from(message.retried), golden.number("retried"));
        assert_eq!(message.last_error.unwrap_or_default(), golden.text("error"));
        let secs = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap();
        assert_eq!(message.timeout.map_or(0, secs), golden.number("timeout"));
        assert_eq!(secs(message.retention), golden.number("retention"));
        assert_eq!(message.deadline, golden.moment("deadline"));
        assert_eq!(message.last_failed_at, golden.moment("last_failed_at"));
        assert_eq!(completed_at, golden.moment("completed_at"));
        assert_eq!(unique_key.unwrap_or_default(), golden.text("unique_key"));
        assert_eq!(message.group.as_ref().map_or("", GroupName::as_str), golden.text("group"));
        let headers: Vec<_> = message.headers.iter().map(|(key, value)| format!("{key} {value}")).collect();
        assert_eq!(headers.join("\n"), golden.text("header"));
    }
}

#[test]
fn queue_and_id_stand_in_the_message_too() {
    for golden in corpus() {
        let (view, fault) = View::read(&golden.msg);
        assert_eq!(fault, None);
        assert_eq!((view.queue, view.id), (golden.text("queue").as_bytes(), golden.text("id").as_bytes()));
    }
}

#[test]
fn every_message_is_written_again_byte_for_byte() {
    for golden in corpus() {
        let Decoded { message, unique_key, completed_at } = golden.decode();
        let unique_key = unique_key.map(|key| String::from_utf8(key.to_vec()).unwrap());
        let written = encode(&message, unique_key.as_deref());
        let completed =
            Patch { completed_at: completed_at.map_or(Change::Keep, Change::Set), ..Patch::default() };
        let written = completed.apply(&written).unwrap();
        assert_eq!(hex::encode(written), hex::encode(&golden.msg), "{}", golden.text("id"));
        assert_eq!(Exact::of(&message).text(), None);
    }
}

#[test]
fn a_failure_is_recorded_as_go_records_it() {
    let corpus = corpus();
    let of = |id: &str| -> Vec<_> { corpus.iter().filter(|golden| golden.text("id") == id).collect() };
    let [pending, failed] = of("id-uniq")[..] else { panic!("the task before and after its failure") };
    let failure = Patch {
        retried: Change::Set(1),
        error: Change::Set("boom"),
        last_failed_at: failed.moment("last_failed_at").map_or(Change::Keep, Change::Set),
        ..Patch::default()
    };
    assert_eq!(failure.apply(&pending.msg).unwrap(), failed.msg);
}
