//! The time a caller allows for a call, from the header `grpc-timeout`.

use std::time::Duration;

use http::HeaderMap;
use tonic::Status;

const HEADER: &str = "grpc-timeout";
/// The protocol allows no more digits, so that no unit overflows.
const MAX_DIGITS: usize = 8;

/// The caller's limit, if it sent one: up to eight digits and a unit of `H`, `M`, `S`, `m`, `u` or `n`.
pub(super) fn requested(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    match value.to_str().ok().and_then(parse) {
        Some(timeout) => Ok(Some(timeout)),
        None => Err(Status::invalid_argument("grpc-timeout must be up to 8 digits and a unit, as in 500m")),
    }
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_the_protocol_is_read() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("500m"), Some(Duration::from_millis(500)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1é", "é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
