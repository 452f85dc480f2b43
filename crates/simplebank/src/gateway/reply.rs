//! Answers of the gateway: a message as JSON, or a refusal as `{code, message, details}`.

use std::sync::LazyLock;

use axum::{body::Body, response::Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS},
};
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions, Value,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::grpc::{IDEMPOTENT_REPLAYED, http_status};

/// Response metadata that becomes headers of the same name.
const RETURNED: [HeaderName; 1] = [HeaderName::from_static(IDEMPOTENT_REPLAYED)];

/// The descriptor of `google.rpc.Status`, in a pool that knows all standard details.
static RPC_STATUS: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .ok()
        .and_then(|pool| pool.get_message_by_name("google.rpc.Status"))
        .expect("tonic-types ships a complete descriptor set with google.rpc.Status in it")
});

/// Why a request has no good answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    http: StatusCode,
    status: Status,
    allow: Option<String>,
}

impl Refusal {
    /// A refusal whose HTTP status says more than the table would.
    pub(super) fn new(http: StatusCode, status: Status) -> Self {
        Self { http, status, allow: None }
    }

    /// No such path.
    pub(crate) fn not_found() -> Self {
        Status::not_found("Not Found").into()
    }

    /// The path exists, but not under this verb; `allow` lists the ones it has.
    pub(crate) fn wrong_verb(allow: String) -> Self {
        let status = Status::unimplemented("Method Not Allowed");
        Self { http: StatusCode::METHOD_NOT_ALLOWED, status, allow: Some(allow) }
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = json(self.http, error_body(&self.status));
        let headers = response.headers_mut();
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.status.code() == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, challenge(self.status.message()));
        }
        if let Some(delay) = self.status.get_details_retry_info().and_then(|info| info.retry_delay) {
            headers.insert(RETRY_AFTER, delay.as_secs().max(1).into());
        }
        response
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { http: http_status(status.code()), status, allow: None }
    }
}

/// A successful answer: names of the `.proto` files, zero values present, 64-bit integers as strings.
pub(super) fn success(answer: tonic::Response<DynamicMessage>) -> Result<Response, Refusal> {
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let body = to_json(answer.get_ref(), &options).map_err(|error| {
        let message_type = answer.get_ref().descriptor().full_name().to_owned();
        tracing::error!(%error, message_type, "failed to render an answer");
        Status::internal("failed to render the answer")
    })?;
    let mut response = json(StatusCode::OK, body);
    for name in RETURNED {
        if let Some(value) = answer.metadata().as_ref().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

/// The answer to OPTIONS on a path that exists.
pub(super) fn options(allow: String) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::try_from(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// `{code, message, details}`; details that cannot be read are left out rather than losing the code with
/// them.
fn error_body(status: &Status) -> Vec<u8> {
    // What the service put beside its status is a google.rpc.Status again, with the same code and message.
    let mut detailed = DynamicMessage::decode(RPC_STATUS.clone(), status.details())
        .unwrap_or_else(|_| DynamicMessage::new(RPC_STATUS.clone()));
    let text = if status.message().is_empty() { status.code().description() } else { status.message() };
    detailed.set_field_by_name("code", Value::I32(status.code().into()));
    detailed.set_field_by_name("message", Value::String(text.to_owned()));
    let options = SerializeOptions::new().use_proto_field_name(true);
    to_json(&detailed, &options).unwrap_or_else(|_| {
        detailed.clear_field_by_name("details");
        to_json(&detailed, &options).unwrap_or_default()
    })
}

fn to_json(message: &DynamicMessage, options: &SerializeOptions) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::new();
    message.serialize_with_options(&mut serde_json::Serializer::new(&mut body), options)?;
    Ok(body)
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The challenge of RFC 6750, which carries the message as a quoted string.
fn challenge(message: &str) -> HeaderValue {
    let quotable = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let description: String = message.chars().filter(quotable).collect();
    HeaderValue::try_from(format!("Bearer error_description=\"{description}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}
