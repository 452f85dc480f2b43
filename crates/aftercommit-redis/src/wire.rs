//! Protobuf at the level of fields: where each one begins and ends, and how one is written. A message is
//! read and patched by the same walk, which copies nothing and leaves what it does not know in place.

use std::ops::Range;

use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    /// Its number.
    pub(crate) number: u32,
    /// What it holds.
    pub(crate) value: Value<'a>,
    /// Where it stands in the message, key included.
    pub(crate) span: Range<usize>,
}

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// An integer or a bool.
    Varint(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// A kind that no field we know has.
    Other,
}

/// The bytes are no protobuf from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the field at byte {at} is cut short or malformed")]
pub(crate) struct Malformed {
    /// Where the bad field begins.
    pub(crate) at: usize,
}

/// The fields of a message in the order in which they stand; ends after the first fault.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { message, at: 0 }
}

/// See [`fields`].
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let mut rest = self.message.get(start..).filter(|rest| !rest.is_empty())?;
        if let Some((number, value)) = field(&mut rest) {
            self.at = self.message.len() - rest.len();
            Some(Ok(Field { number, value, span: start..self.at }))
        } else {
            self.at = self.message.len();
            Some(Err(Malformed { at: start }))
        }
    }
}

/// Takes one field off the front.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let (number, wire_type) = decode_key(rest).ok()?;
    let value = match wire_type {
        WireType::Varint => Value::Varint(decode_varint(rest).ok()?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            let (value, after) = rest.split_at_checked(length)?;
            *rest = after;
            Value::Bytes(value)
        }
        other => {
            skip_field(other, number, rest, DecodeContext::default()).ok()?;
            Value::Other
        }
    };
    Some((number, value))
}

/// Writes a string or bytes field, unless it is empty.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    if !value.is_empty() {
        put_bytes_always(out, number, value);
    }
}

/// Writes a string or bytes field, also an empty one: the two fields of a map entry are always there.
pub(crate) fn put_bytes_always(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// Writes an integer field, unless it is zero.
pub(crate) fn put_int(out: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        encode_key(number, WireType::Varint, out);
        encode_varint(value.cast_unsigned(), out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_of_every_kind_are_walked_and_nothing_is_left_between_them() {
        // varint 1, bytes 2, fixed64 3, a group 4 with a field inside, fixed32 5
        let message = hex::decode("0896011203616263190102030405060708230801242d01020304").unwrap();
        let all: Vec<_> = fields(&message).map(Result::unwrap).collect();
        assert_eq!(all.iter().map(|f| f.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(all[0].value, Value::Varint(150));
        assert_eq!(all[1].value, Value::Bytes(b"abc"));
        let spans: Vec<u8> = all.iter().flat_map(|f| message[f.span.clone()].to_vec()).collect();
        assert_eq!(spans, message);
    }

    #[test]
    fn a_field_that_is_cut_short_is_named_by_its_place() {
        let message = hex::decode("08011205616263").unwrap();
        let mut walk = fields(&message);
        assert_eq!(walk.next().unwrap().unwrap().number, 1);
        assert_eq!(walk.next().unwrap().unwrap_err(), Malformed { at: 2 });
        assert!(walk.next().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(message: Vec<u8>) {
            let good: usize = fields(&message).map_while(Result::ok).map(|field| field.span.len()).sum();
            prop_assert!(good <= message.len());
        }
    }
}
