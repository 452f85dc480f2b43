//! Calls a method of the gRPC service stack in process, with messages that are known by their descriptors
//! only.

use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use http_body::Body;
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{
    Request, Response, Status,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};
use tower::BoxError;

use super::routes::Route;
use crate::server::PeerAddress;

/// The headers that reach the service as metadata of the same name. All others stay outside, so that nobody
/// can forge through HTTP what a layer of the stack might come to trust.
const FORWARDED: [&str; 7] = [
    "authorization",
    "grpc-timeout",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
];

pub(super) async fn unary<S>(
    service: S,
    route: &Route,
    head: &Parts,
    message: DynamicMessage,
) -> Result<Response<DynamicMessage>, Status>
where
    S: GrpcService<tonic::body::Body>,
    S::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as Body>::Error: Into<BoxError> + Send,
{
    let mut request = Request::new(message);
    *request.metadata_mut() = forwarded(&head.headers);
    if let Some(peer) = head.extensions.get::<PeerAddress>() {
        request.extensions_mut().insert(*peer);
    }
    let mut client = Grpc::new(service);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    client.unary(request, route.grpc_path.clone(), DynamicCodec { output: route.output.clone() }).await
}

fn forwarded(headers: &HeaderMap) -> MetadataMap {
    let mut kept = HeaderMap::with_capacity(FORWARDED.len());
    for name in FORWARDED {
        if let Some(value) = headers.get(name) {
            kept.insert(name, value.clone());
        }
    }
    MetadataMap::from_headers(kept)
}

#[derive(Debug)]
struct DynamicCodec {
    output: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        DynamicDecoder(self.output.clone())
    }
}

#[derive(Debug)]
struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

#[derive(Debug)]
struct DynamicDecoder(MessageDescriptor);

impl Decoder for DynamicDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.clone(), buffer)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
