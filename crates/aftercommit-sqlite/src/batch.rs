//! Writes a batch down as one JSON text and one blob, which is how it travels into a statement: a
//! statement per batch instead of one per row is what makes the queue fast. Payloads and results are
//! any bytes, and so go end to end into the blob; the JSON has their offsets and lengths.

use std::io::Write;

use aftercommit_core::Lease;
use aftercommit_core::stored::token;
use serde::Serialize;

/// A batch under construction: an array of arrays.
#[derive(Debug)]
pub(crate) struct Batch {
    json: Vec<u8>,
    blob: Vec<u8>,
    at: At,
}

/// Where the next value will stand.
#[derive(Debug, PartialEq, Eq)]
enum At {
    FirstItem,
    FirstField,
    NextField,
}

impl Batch {
    /// An empty batch that will have about so many items.
    pub(crate) fn with_capacity(items: usize) -> Self {
        /// About what a task of ordinary size needs.
        const ITEM: usize = 128;
        let mut json = Vec::with_capacity(items * ITEM);
        json.push(b'[');
        // SQLite takes a part of an empty blob for NULL, and an empty payload is none.
        Self { json, blob: vec![0], at: At::FirstItem }
    }

    /// Starts the next item.
    pub(crate) fn item(&mut self) -> &mut Self {
        match self.at {
            At::FirstItem => {}
            At::FirstField | At::NextField => self.json.extend_from_slice(b"],"),
        }
        self.json.push(b'[');
        self.at = At::FirstField;
        self
    }

    /// Adds a text, a number, a nested value or, for `None`, a null.
    pub(crate) fn field(&mut self, value: impl Serialize) -> &mut Self {
        self.separate();
        // Fails for maps with keys that are no texts and for failing `Serialize` implementations alone.
        serde_json::to_writer(&mut self.json, &value).expect("texts and numbers can be encoded");
        self
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, value: i64) -> &mut Self {
        self.separate();
        write!(self.json, "{value}").expect("writing to memory does not fail");
        self
    }

    /// Adds bytes, as offset and length in the blob.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        // SQL counts from one.
        let offset = self.blob.len() + 1;
        self.blob.extend_from_slice(bytes);
        self.field(offset).field(bytes.len())
    }

    /// Adds what identifies a lease.
    pub(crate) fn lease(&mut self, lease: &Lease) -> &mut Self {
        let (seq, epoch) = token::parts(lease.token);
        self.number(seq).number(epoch).field(lease.queue.as_str()).field(lease.id.as_str())
    }

    fn separate(&mut self) {
        if self.at == At::NextField {
            self.json.push(b',');
        }
        self.at = At::NextField;
    }

    /// The JSON and the blob.
    pub(crate) fn finish(mut self) -> (String, Vec<u8>) {
        self.json.extend_from_slice(if self.at == At::FirstItem { b"]" } else { b"]]" });
        (String::from_utf8(self.json).expect("JSON is UTF-8"), self.blob)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

/// The leases of a batch, and nothing more.
pub(crate) fn leases<'a>(leases: impl ExactSizeIterator<Item = &'a Lease>) -> String {
    let mut batch = Batch::with_capacity(leases.len());
    for lease in leases {
        batch.item().lease(lease);
    }
    batch.finish().0
}

/// A list of names.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(names).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_an_array_of_arrays_and_a_blob() {
        let mut batch = Batch::with_capacity(2);
        batch.item().field("it's \"☃\"").number(-1).bytes(&[1, 2]);
        batch.item().field(None::<&str>).number(7).bytes(&[]);
        let (json, blob) = batch.finish();
        assert_eq!(json, r#"[["it's \"☃\"",-1,2,2],[null,7,4,0]]"#);
        assert_eq!(blob, [0, 1, 2]);
        assert_eq!(Batch::with_capacity(0).finish().0, "[]");
    }
}
