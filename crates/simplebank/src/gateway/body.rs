//! Reading the body of a request, bounded in bytes and in time.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tonic::Status;
use tower::BoxError;

use super::reply::Refusal;

/// The largest body that is accepted, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How much of a body over the limit is read and thrown away. A client that is still sending when the
/// connection closes may never see the answer, so that the usual oversized body is better heard to its end.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn read<B>(headers: &HeaderMap, body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > MAX_DISCARDED_BYTES) {
        return Err(too_large());
    }
    timeout(READ_TIMEOUT, collect(body)).await.unwrap_or_else(|_| {
        let status = Status::deadline_exceeded("body did not arrive in time");
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, status))
    })
}

async fn collect<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::invalid_argument("body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= MAX_BODY_BYTES {
            kept.extend_from_slice(&data);
        } else if seen > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if seen > MAX_BODY_BYTES { Err(too_large()) } else { Ok(kept.freeze()) }
}

fn too_large() -> Refusal {
    let status = Status::resource_exhausted(format!("body is larger than {MAX_BODY_BYTES} bytes"));
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, status)
}
