//! What Redis answers, free of the driver's types.

use aftercommit_core::{Error, Result};
use bytes::Bytes;
use redis::Value;

/// One answer. Both protocols arrive here; a map is a list of its keys and values in turn, as RESP2 has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing there.
    Nil,
    /// A whole number.
    Int(i64),
    /// A number that RESP3 marks as one, such as a score.
    Double(f64),
    /// A string of bytes.
    Bytes(Bytes),
    /// A status, such as `OK`.
    Status(String),
    /// Several answers.
    List(Vec<Reply>),
    /// An error as a part of an answer.
    Error(String),
}

impl Reply {
    /// The number.
    pub fn into_int(self, doing: &'static str) -> Result<i64> {
        match self {
            Self::Int(number) => Ok(number),
            other => Err(other.is_not("a number", doing)),
        }
    }

    /// The bytes; `None` for nothing.
    pub fn into_bytes(self, doing: &'static str) -> Result<Option<Bytes>> {
        match self {
            Self::Nil => Ok(None),
            Self::Bytes(bytes) => Ok(Some(bytes)),
            Self::Status(text) => Ok(Some(text.into())),
            other => Err(other.is_not("a string", doing)),
        }
    }

    /// The answers.
    pub fn into_list(self, doing: &'static str) -> Result<Vec<Reply>> {
        match self {
            Self::List(replies) => Ok(replies),
            other => Err(other.is_not("a list", doing)),
        }
    }

    /// As many answers as are expected.
    pub(crate) fn into_array<const N: usize>(self, doing: &'static str) -> Result<[Reply; N]> {
        let list = self.into_list(doing)?;
        let count = list.len();
        list.try_into().map_err(|_| {
            Error::store(doing, format!("redis answered with {count} values where {N} were expected"))
        })
    }

    /// A number, also one that stands as text; `None` for nothing.
    pub(crate) fn into_number(self, doing: &'static str) -> Result<Option<i64>> {
        if let Self::Int(number) = self {
            return Ok(Some(number));
        }
        Ok(self.into_float(doing)?.map(|number| {
            #[expect(clippy::cast_possible_truncation, reason = "a float is cut to the range of the integer")]
            let number = number as i64;
            number
        }))
    }

    /// A count, also one that stands as text; nothing counts as none.
    pub(crate) fn into_count(self, doing: &'static str) -> Result<u64> {
        Ok(self.into_number(doing)?.map_or(0, |count| u64::try_from(count).unwrap_or(0)))
    }

    /// A score; `None` for nothing.
    pub(crate) fn into_float(self, doing: &'static str) -> Result<Option<f64>> {
        match self {
            Self::Nil => Ok(None),
            Self::Double(number) => Ok(Some(number)),
            other => {
                let text = other.into_bytes(doing)?.unwrap_or_default();
                let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
                number.map(Some).ok_or_else(|| {
                    Error::store(doing, "redis answered with a text where a number was expected")
                })
            }
        }
    }

    /// Never with the answer itself: it may be a payload.
    fn is_not(&self, wanted: &str, doing: &'static str) -> Error {
        let is = match self {
            Self::Nil => "nothing",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Bytes(_) | Self::Status(_) => "a string",
            Self::List(_) => "a list",
            Self::Error(_) => "an error",
        };
        Error::store(doing, format!("redis answered with {is} where {wanted} was expected"))
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        let list = |values: Vec<Value>| Self::List(values.into_iter().map(Self::from).collect());
        let pairs = |pairs: Vec<(Value, Value)>| {
            Self::List(pairs.into_iter().flat_map(|(key, value)| [key.into(), value.into()]).collect())
        };
        match value {
            Value::Nil => Self::Nil,
            Value::Int(number) => Self::Int(number),
            Value::Boolean(truth) => Self::Int(truth.into()),
            Value::Double(number) => Self::Double(number),
            Value::BulkString(bytes) | Value::BigNumber(bytes) => Self::Bytes(bytes.into()),
            Value::VerbatimString { text, .. } => Self::Bytes(text.into()),
            Value::SimpleString(text) => Self::Status(text),
            Value::Okay => Self::Status("OK".to_owned()),
            Value::Array(values) | Value::Set(values) | Value::Push { data: values, .. } => list(values),
            Value::Map(map) => pairs(map),
            Value::Attribute { data, .. } => Self::from(*data),
            Value::ServerError(error) => Self::Error(error.to_string()),
            other => Self::Error(format!("an answer of a kind that is not known: {}", kind_of(&other))),
        }
    }
}

/// The name of the variant without what is in it.
fn kind_of(value: &Value) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_give_the_same_list() {
        let pair = |key: &str, value: i64| (Value::BulkString(key.into()), Value::Int(value));
        let resp3 = Value::Map(vec![pair("a", 1)]);
        let resp2 = Value::Array(vec![Value::BulkString(b"a".to_vec()), Value::Int(1)]);
        assert_eq!(Reply::from(resp3), Reply::from(resp2));
    }

    #[test]
    fn answer_of_another_kind_is_an_error_that_does_not_repeat_it() {
        let error = Reply::Bytes("hidden".into()).into_int("count tasks").unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.contains("a string where a number") && !shown.contains("hidden"), "{shown}");
    }
}
