//! The name by which a request is found in the logs: the caller's, if it is harmless, or a new one.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// The header, and the metadata of gRPC, that carries the id both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

/// A request id: 1 to 64 letters, digits, `-`, `_` or `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id that the caller sent. One that could spoil a log line, or is too long, is replaced like none
    /// at all.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        headers
            .get(REQUEST_ID)
            .filter(|id| is_harmless(id.as_bytes()))
            .cloned()
            .map_or_else(Self::random, Self)
    }

    /// As a header value.
    pub fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    fn random() -> Self {
        let id = Uuid::new_v4().to_string();
        Self(HeaderValue::try_from(id).expect("a UUID is hexadecimal digits and hyphens"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(sent).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_harmless_id_is_kept() {
        assert_eq!(id_for(b"Trace-1_a.b").to_string(), "Trace-1_a.b");
        assert_eq!(id_for(&[b'a'; 64]).to_string().len(), 64);
    }

    #[test]
    fn a_missing_long_or_strange_id_is_replaced() {
        for sent in [&b""[..], &[b'a'; 65], b"a b", b"a\"b", b"caf\xc3\xa9", b"a=b"] {
            let id = id_for(sent).to_string();
            assert!(Uuid::parse_str(&id).is_ok(), "{sent:?} became {id}");
        }
        assert!(Uuid::parse_str(&RequestId::of(&HeaderMap::new()).to_string()).is_ok());
    }
}
