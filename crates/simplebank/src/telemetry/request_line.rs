//! The one line that each request leaves in the log.

use http::{Request, StatusCode};
use tokio::time::Instant;
use tonic::Code;
use tracing::Level;

use super::{Protocol, RequestId};
use crate::grpc::{code_name, http_status};

/// How much of a path is logged; clients choose it.
const MAX_PATH_CHARS: usize = 256;

/// The usual number for "the client went away before the answer"; no client ever sees it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// A line that is written when it is dropped: after `finish`, or because the request was given up before
/// that.
#[derive(Debug)]
pub(super) struct RequestLine {
    outcome: Outcome,
    method: String,
    path: String,
    id: RequestId,
    started: Instant,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Http(u16),
    Grpc(Code),
}

impl RequestLine {
    pub(super) fn start<B>(protocol: Protocol, request: &Request<B>, id: RequestId) -> Self {
        Self {
            outcome: match protocol {
                Protocol::Http => Outcome::Http(CLIENT_CLOSED_REQUEST),
                Protocol::Grpc => Outcome::Grpc(Code::Cancelled),
            },
            method: request.method().as_str().to_owned(),
            // Without the query, which may hold secrets.
            path: request.uri().path().chars().take(MAX_PATH_CHARS).collect(),
            id,
            started: Instant::now(),
        }
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    fn level(&self) -> Level {
        let status = match self.outcome {
            Outcome::Http(status) => status,
            // Asking for a method that is not there is the caller's fault, whatever HTTP calls it.
            Outcome::Grpc(Code::Unimplemented) => 404,
            Outcome::Grpc(code) => http_status(code).as_u16(),
        };
        match status {
            500.. => Level::ERROR,
            400.. => Level::WARN,
            // Probes come every few seconds for ever.
            _ if self.is_probe() => Level::DEBUG,
            _ => Level::INFO,
        }
    }

    fn is_probe(&self) -> bool {
        ["/healthz", "/readyz"].contains(&self.path.as_str()) || self.path.starts_with("/grpc.health.v1.")
    }
}

/// The level of an event is part of its call site, hence one call site per level.
macro_rules! event {
    ($level:expr, $($event:tt)+) => {
        match $level {
            Level::ERROR => tracing::error!($($event)+),
            Level::WARN => tracing::warn!($($event)+),
            Level::DEBUG => tracing::debug!($($event)+),
            _ => tracing::info!($($event)+),
        }
    };
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        let Self { method, path, id, .. } = &*self;
        let (method, path) = (method.as_str(), path.as_str());
        let duration = self.started.elapsed().as_micros() as f64 / 1000.0;
        match self.outcome {
            Outcome::Http(status_code) => {
                let status_text = status_text(status_code);
                event!(
                    self.level(), protocol = "http", method, path, status_code, status_text, duration,
                    request_id = %id, "received an HTTP request"
                );
            }
            Outcome::Grpc(code) => {
                let (status_code, status_text) = (i32::from(code), &*code_name(code));
                event!(
                    self.level(), protocol = "grpc", method = path, status_code, status_text, duration,
                    request_id = %id, "received a gRPC request"
                );
            }
        }
    }
}

fn status_text(status: u16) -> &'static str {
    match StatusCode::from_u16(status) {
        _ if status == CLIENT_CLOSED_REQUEST => "Client Closed Request",
        Ok(status) => status.canonical_reason().unwrap_or_default(),
        Err(_) => "",
    }
}
