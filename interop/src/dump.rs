//! Everything that lies in a database, as `interop-go dump` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::ensure;
use serde::Deserialize;
use tokio::process::Command;

use crate::{Program, Redis};

/// Every key, sorted by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Dump {
    /// The keys.
    pub keys: Vec<Key>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Key {
    /// Its name.
    pub key: Bytes,
    /// The shortest that its time to live fits in of `10s`, `20s`, `1m`, `10m`, `1h`, `1d`, `90d`, `longer`; or `none`.
    pub ttl: String,
    /// What it holds.
    #[serde(flatten)]
    pub stored: Stored,
}

/// What a key holds, by its type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(missing_docs, reason = "Redis' types")]
pub enum Stored {
    String {
        text: Value,
    },
    Hash {
        fields: BTreeMap<String, Value>,
    },
    /// From the left.
    List {
        items: Vec<Value>,
    },
    /// Sorted.
    Set {
        members: Vec<Bytes>,
    },
    /// In its order.
    Zset {
        scores: Vec<Scored>,
    },
}

/// A member of a sorted set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "Redis' words")]
pub struct Scored {
    pub member: Value,
    pub score: f64,
}

/// Bytes, or a message where asynq keeps one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Value {
    // First: it refuses what has fields, while a message may lack them.
    Bytes(Bytes),
    Wire(Wire),
}

/// A protobuf message, taken apart without its schema.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// Its bytes, in which asynq writes headers in random order.
    pub hex: String,
    /// Its fields; headers sorted. `None` if the bytes are no message.
    pub fields: Option<Fields>,
    /// Why the bytes are no message.
    #[serde(default)]
    pub fault: Option<String>,
}

/// The values of each field by its number, in the order in which they were written.
pub type Fields = BTreeMap<String, Vec<WireValue>>;

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it")]
pub enum WireValue {
    /// Of 64 bits, signed.
    Number(i64),
    Bytes(Bytes),
    Message(Fields),
}

/// Bytes, shown as text where they are text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "TextOrHex")]
pub struct Bytes(pub Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum TextOrHex {
    Text(String),
    Hex { hex: String },
}

impl TryFrom<TextOrHex> for Bytes {
    type Error = hex::FromHexError;

    fn try_from(bytes: TextOrHex) -> Result<Self, Self::Error> {
        match bytes {
            TextOrHex::Text(text) => Ok(Self(text.into_bytes())),
            TextOrHex::Hex { hex } => hex::decode(hex).map(Self),
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl PartialEq<str> for Bytes {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl Dump {
    /// Reads the database.
    pub async fn of(redis: &Redis) -> anyhow::Result<Self> {
        let program = Program::Go.path().await?;
        let printed = Command::new(program).args(redis.args_for("dump")).output().await?;
        let said = String::from_utf8_lossy(&printed.stderr);
        ensure!(printed.status.success(), "interop-go cannot dump ({}): {}", printed.status, said.trim());
        Ok(serde_json::from_slice(&printed.stdout)?)
    }

    /// What a key holds.
    pub fn get(&self, key: &str) -> Option<&Stored> {
        self.keys.iter().find(|found| found.key == *key).map(|found| &found.stored)
    }

    /// The names of all keys.
    pub fn names(&self) -> BTreeSet<&Bytes> {
        self.keys.iter().map(|key| &key.key).collect()
    }

    /// The message of a task.
    pub fn message(&self, queue: &str, id: &str) -> Option<&Wire> {
        match self.get(&format!("asynq:{{{queue}}}:t:{id}"))? {
            Stored::Hash { fields } => match fields.get("msg")? {
                Value::Wire(wire) => Some(wire),
                Value::Bytes(_) => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_key_can_be_read() {
        let dump: Dump = serde_json::from_str(
            r#"{"keys":[
            {"key":"s","type":"string","ttl":"1m","text":"id-1"},
            {"key":{"hex":"ff00"},"type":"list","ttl":"none","items":["a",{"hex":"ff"}]},
            {"key":"asynq:{q}:t:1","type":"hash","ttl":"none","fields":{"state":"pending",
                "msg":{"hex":"2819","fields":{"5":[25],"15":[{"1":["k"],"2":[{"hex":"80"}]}]}}}},
            {"key":"z","type":"zset","ttl":"none","scores":[{"member":"m","score":1.5}]},
            {"key":"m","type":"set","ttl":"none","members":["x"]},
            {"key":"w","type":"string","ttl":"10s","text":{"hex":"ff","fields":null,"fault":"unexpected EOF"}}]}"#,
        )
        .unwrap();

        assert_eq!(dump.keys[1].key, Bytes(vec![255, 0]));
        let Stored::List { items } = &dump.keys[1].stored else { panic!("a list") };
        assert_eq!(items[1], Value::Bytes(Bytes(vec![255])));
        let fields = dump.message("q", "1").unwrap().fields.as_ref().unwrap();
        assert_eq!(fields["5"], [WireValue::Number(25)]);
        let WireValue::Message(header) = &fields["15"][0] else { panic!("a message") };
        assert_eq!(header["2"], [WireValue::Bytes(Bytes(vec![128]))]);
        assert_eq!(dump.get("z"), Some(&dump.keys[3].stored));
        let Some(Stored::String { text: Value::Wire(wire) }) = dump.get("w") else { panic!("a message") };
        assert_eq!((wire.fields.as_ref(), wire.fault.as_deref()), (None, Some("unexpected EOF")));
    }
}
