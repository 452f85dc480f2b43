//! A gateway over a service that answers every method of `everything.proto` with its request.

use std::{convert::Infallible, sync::LazyLock};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use simplebank::gateway::Gateway;
use tonic::body::Body;
use tower::{service_fn, util::BoxCloneSyncService};

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| compile("everything.proto", include_str!("everything.proto")));

/// The descriptors of one file that may import Google's annotations.
pub(crate) fn compile(name: &str, source: &str) -> DescriptorPool {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), source).unwrap();
    let proto_root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let mut compiler = protox::Compiler::new([directory.path(), proto_root.as_ref()]).unwrap();
    compiler.include_imports(true).open_file(name).unwrap();
    DescriptorPool::decode(&*compiler.encode_file_descriptor_set()).unwrap()
}

pub(crate) type Echo = Gateway<BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>>;

pub(crate) fn gateway() -> Echo {
    let echo = service_fn(|request: Request<Body>| async move {
        let body = request.into_body().collect().await.unwrap();
        Ok(grpc_answer(body.to_bytes()))
    });
    Gateway::new(&POOL, BoxCloneSyncService::new(echo)).unwrap()
}

/// The request is one length-prefixed message, and so is the answer. It is decoded as a server would.
fn grpc_answer(framed: Bytes) -> Response<Body> {
    let things = POOL.get_message_by_name("test.Things").unwrap();
    let decoded =
        DynamicMessage::decode(things, &framed[5..]).expect("what the gateway sends can be decoded");
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(decoded.encoded_len()).unwrap());
    decoded.encode(&mut body).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(body.freeze()).with_trailers(async { Some(Ok(trailers)) });
    Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
}

/// Sends a request through a gateway, without a network between.
pub(crate) async fn send(verb: &str, path: &str, body: impl Into<Bytes>) -> (StatusCode, Value) {
    let request = Request::builder().method(verb).uri(path).body(Full::new(body.into())).unwrap();
    let response = gateway().handle(request).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// What the service understood.
pub(crate) async fn understood(verb: &str, path: &str, body: impl Into<Bytes>) -> Value {
    let (status, value) = send(verb, path, body).await;
    assert_eq!(status, StatusCode::OK, "{value}");
    value
}

/// The refusal with status 400: its message, and its field violations as `field: description`.
pub(crate) async fn refused(verb: &str, path: &str, body: impl Into<Bytes>) -> (String, Vec<String>) {
    let (status, value) = send(verb, path, body).await;
    assert_eq!((status, &value["code"]), (StatusCode::BAD_REQUEST, &Value::from(3)), "{value}");
    let violations = value["details"][0]["field_violations"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let violations =
        violations.map(|fault| format!("{}: {}", text(&fault["field"]), text(&fault["description"])));
    (text(&value["message"]), violations.collect())
}
