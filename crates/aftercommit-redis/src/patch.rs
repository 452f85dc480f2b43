//! A message changed in place: only what happened to the task is written anew, and every other byte stays,
//! fields that this version does not know included.

use aftercommit_core::Timestamp;

use crate::exact::Exact;
use crate::message::count;
use crate::seconds;
use crate::view::number;
use crate::wire::{self, Malformed};

/// What becomes of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes what an absent field means: zero, nothing, never.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<'a, T> Change<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(change(value)),
        }
    }

    fn value(self, written: impl FnOnce(T) -> Value<'a>) -> Option<Value<'a>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(Value::Int(0)),
            Self::Set(value) => Some(written(value)),
        }
    }
}

/// The fields that change during a task's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Patch<'a> {
    /// The payload, which only an operator changes.
    pub(crate) payload: Change<&'a [u8]>,
    /// How many failed attempts were followed by another one.
    pub(crate) retried: Change<u32>,
    /// Why the last failed attempt failed.
    pub(crate) error: Change<&'a str>,
    /// When it did.
    pub(crate) last_failed_at: Change<Timestamp>,
    /// When the task completed.
    pub(crate) completed_at: Change<Timestamp>,
}

impl<'a> Patch<'a> {
    /// The message with these changes. A field that was not there comes after the last known field with
    /// a lower number, where Go would have written it.
    ///
    /// # Errors
    /// [`Malformed`] if `stored` is no protobuf.
    pub(crate) fn apply(&self, stored: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut edits = self.edits();
        for field in wire::fields(stored) {
            let field = field?;
            for edit in edits.iter_mut().filter(|edit| field.number < edit.number) {
                edit.place = field.span.end;
            }
        }
        let added = |change: Change<usize>| if let Change::Set(bytes) = change { bytes } else { 0 };
        let added = added(self.error.map(str::len)) + added(self.payload.map(<[u8]>::len));
        let mut out = Vec::with_capacity(stored.len() + added + FRAME);
        put(&edits, 0, &mut out);
        for field in wire::fields(stored) {
            let field = field?;
            if !edits.iter().any(|edit| edit.number == field.number && edit.value.is_some()) {
                out.extend_from_slice(&stored[field.span.clone()]);
            }
            put(&edits, field.span.end, &mut out);
        }
        Ok(out)
    }

    /// What is to be stored beside the patched message, from what was stored beside the old one.
    pub(crate) fn exact(&self, mut exact: Exact) -> Option<String> {
        for (change, value) in
            [(self.last_failed_at, &mut exact.last_failed_at), (self.completed_at, &mut exact.completed_at)]
        {
            match change {
                Change::Keep => {}
                Change::Clear => *value = None,
                Change::Set(moment) => *value = Exact::past(moment),
            }
        }
        exact.text()
    }

    /// In ascending order.
    fn edits(&self) -> [Edit<'a>; 5] {
        let past = |moment| Value::Int(seconds::of_past(moment));
        let edit = |number, value| Edit { number, value, place: 0 };
        [
            edit(number::PAYLOAD, self.payload.value(Value::Bytes)),
            edit(number::RETRIED, self.retried.value(|retried| Value::Int(count(retried)))),
            edit(number::ERROR, self.error.value(|error| Value::Bytes(error.as_bytes()))),
            edit(number::LAST_FAILED_AT, self.last_failed_at.value(past)),
            edit(number::COMPLETED_AT, self.completed_at.value(past)),
        ]
    }
}

/// More than the keys, lengths and integers of all five fields take.
const FRAME: usize = 48;

/// What is to be written for one field.
struct Edit<'a> {
    number: u32,
    /// `None`: it stays as it is.
    value: Option<Value<'a>>,
    /// Behind which byte of the old message the new field stands.
    place: usize,
}

enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

/// Writes those fields that stand behind byte `place`.
fn put(edits: &[Edit<'_>], place: usize, out: &mut Vec<u8>) {
    for edit in edits.iter().filter(|edit| edit.place == place) {
        match edit.value {
            Some(Value::Int(value)) => wire::put_int(out, edit.number, value),
            Some(Value::Bytes(bytes)) => wire::put_bytes(out, edit.number, bytes),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use aftercommit_core::{QueueName, TaskId};
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::message::{decode, encode};
    use crate::oracle;

    /// `t`, with a retry limit, a timeout and a header.
    const PLAIN: &str = "0a01742819400a7a060a016b120176";

    fn patch(message: &str, patch: &Patch<'_>) -> String {
        hex::encode(patch.apply(&hex::decode(message).unwrap()).unwrap())
    }

    fn failed() -> Patch<'static> {
        Patch {
            retried: Change::Set(1),
            error: Change::Set("boom"),
            last_failed_at: Change::Set(Timestamp::from_millis(5_400)),
            ..Patch::default()
        }
    }

    #[test]
    fn new_fields_stand_where_go_writes_them_and_headers_stay() {
        assert_eq!(patch(PLAIN, &failed()), "0a0174281930013a04626f6f6d400a58057a060a016b120176");
    }

    #[test]
    fn a_patch_without_changes_changes_no_byte() {
        assert_eq!(patch(PLAIN, &Patch::default()), PLAIN);
    }

    #[test]
    fn a_default_removes_the_field_also_one_that_stands_twice() {
        let cleared = Patch { retried: Change::Set(0), error: Change::Set(""), ..Patch::default() };
        assert_eq!(patch("0a0174300130023a01783a0179400a", &cleared), "0a0174400a");
        let never = Patch { last_failed_at: Change::Clear, completed_at: Change::Clear, ..Patch::default() };
        assert_eq!(patch("0a01745805680a", &never), "0a0174");
    }

    #[test]
    fn unknown_fields_stay_where_they_are() {
        // Field 16 stands first and field 100 last.
        assert_eq!(
            patch("8201017a0a01742819a20603616263", &failed()),
            "8201017a0a0174281930013a04626f6f6d5805a20603616263"
        );
        assert_eq!(patch("8201017a", &Patch { retried: Change::Set(2), ..Patch::default() }), "30028201017a");
    }

    #[test]
    fn a_payload_is_replaced_where_it_stands() {
        let patch_payload = |message: &str, payload| {
            patch(message, &Patch { payload: Change::Set(payload), ..Patch::default() })
        };
        assert_eq!(patch_payload("0a017412026162281912017a", b"c"), "0a01741201632819");
        assert_eq!(patch_payload(PLAIN, b"c"), "0a01741201632819400a7a060a016b120176");
        assert_eq!(patch_payload("0a0174120261622819", b""), "0a01742819");
    }

    #[test]
    fn what_is_no_protobuf_is_refused() {
        assert_eq!(failed().apply(b"\x0a\x05t").unwrap_err(), Malformed { at: 0 });
    }

    #[test]
    fn the_exact_values_follow_the_patch() {
        let stored = Exact::parse(b"t1.5 f3.25");
        assert_eq!(failed().exact(stored).unwrap(), "t1.5 f5.4");
        assert_eq!(Patch::default().exact(stored).unwrap(), "t1.5 f3.25");
        let whole = Patch { last_failed_at: Change::Set(Timestamp::from_millis(5_000)), ..Patch::default() };
        assert_eq!(whole.exact(Exact::parse(b"f3.25")), None);
        let completed =
            Patch { completed_at: Change::Set(Timestamp::from_millis(7_001)), ..Patch::default() };
        assert_eq!(completed.exact(Exact::default()).unwrap(), "c7.001");
    }

    #[test]
    fn a_completed_message_tells_when() {
        let completed =
            Patch { completed_at: Change::Set(Timestamp::from_millis(7_001)), ..Patch::default() };
        let stored = Bytes::from(completed.apply(&hex::decode(PLAIN).unwrap()).unwrap());
        let exact = completed.exact(Exact::default());
        let decoded = decode(
            &stored,
            exact.as_ref().map(String::as_bytes),
            &QueueName::default(),
            TaskId::new("id").unwrap(),
        );
        assert_eq!(decoded.unwrap().completed_at, Some(Timestamp::from_millis(7_001)));
    }

    proptest! {
        #[test]
        fn a_patched_message_is_the_one_that_would_have_been_written(
            sample in oracle::sample(), retried in 0u32..1000, error in ".{0,8}", failed_at in any::<u32>(),
        ) {
            let oracle::Sample { mut message, unique_key } = sample;
            let before = encode(&message, unique_key.as_deref());
            let failed_at = Timestamp::from_millis(failed_at.into());
            let patch = Patch {
                retried: Change::Set(retried),
                error: Change::Set(&error),
                last_failed_at: Change::Set(failed_at),
                ..Patch::default()
            };
            let patched = patch.apply(&before).unwrap();
            let exact = patch.exact(Exact::of(&message));
            message.retried = retried;
            message.last_error = Some(error.clone());
            message.last_failed_at = Some(failed_at);
            prop_assert_eq!(patched, encode(&message, unique_key.as_deref()));
            prop_assert_eq!(exact, Exact::of(&message).text());
        }

        #[test]
        fn any_bytes_are_patched_or_refused(stored: Vec<u8>) {
            if let Ok(patched) = failed().apply(&stored) {
                prop_assert_eq!(Patch::default().apply(&patched).unwrap(), patched.clone());
                // Where fields do not stand in their order, a second patch may put the new ones elsewhere.
                let fields = |message: &[u8]| {
                    let mut all: Vec<Vec<u8>> =
                        wire::fields(message).map(|field| message[field.unwrap().span].to_vec()).collect();
                    all.sort();
                    all
                };
                prop_assert_eq!(fields(&failed().apply(&patched).unwrap()), fields(&patched));
            }
        }

        #[test]
        fn unknown_fields_survive_wherever_they_stand(
            fields in proptest::collection::vec((1u32..40, ".{0,4}"), 0..8),
        ) {
            let mut stored = Vec::new();
            for (number, text) in &fields {
                wire::put_bytes_always(&mut stored, *number, text.as_bytes());
            }
            let patched = failed().apply(&stored).unwrap();
            let others = |message: &[u8]| -> Vec<Vec<u8>> {
                let untouched = |number| ![number::RETRIED, number::ERROR, number::LAST_FAILED_AT].contains(&number);
                let all = wire::fields(message).map(Result::unwrap);
                all.filter(|field| untouched(field.number)).map(|field| message[field.span].to_vec()).collect()
            };
            prop_assert_eq!(others(&stored), others(&patched));
        }
    }
}
