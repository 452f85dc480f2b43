//! The gRPC port as clients meet it.

use simplebank::{
    grpc::{ERROR_DOMAIN, MAX_MESSAGE_BYTES},
    pb::VerifyEmailRequest,
    server::PeerAddress,
};
use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt;

use crate::bank::{Bank, sign_up};

#[tokio::test]
async fn both_methods_answer() {
    let bank = Bank::start().await;
    let mut client = bank.grpc_client().await;
    let user = client.create_user(sign_up("alice10")).await.unwrap().into_inner().user.unwrap();
    assert_eq!((user.username.as_str(), user.role.as_str()), ("alice10", "depositor"));
    let code = VerifyEmailRequest { email_id: 1, secret_code: "good".to_owned() };
    assert!(client.verify_email(code).await.unwrap().into_inner().is_verified);
}

#[tokio::test]
async fn violations_are_details_of_the_status() {
    let bank = Bank::start().await;
    let status = bank.grpc_client().await.create_user(sign_up("invalid")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "invalid parameters"));
    let fields: Vec<String> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(fields, ["username", "password"]);
}

#[tokio::test]
async fn every_other_refusal_has_a_reason() {
    let bank = Bank::start().await;
    let mut client = bank.grpc_client().await;
    for (username, code, message, reason) in [
        ("taken", Code::AlreadyExists, "username already exists", "USERNAME_ALREADY_EXISTS"),
        ("taken_email", Code::AlreadyExists, "email already exists", "EMAIL_ALREADY_EXISTS"),
        ("busy", Code::ResourceExhausted, "server is busy, retry later", "OVERLOADED"),
        ("broken", Code::Internal, "failed to create user", "INTERNAL"),
        ("panic", Code::Internal, "internal error", "INTERNAL"),
    ] {
        let status = client.create_user(sign_up(username)).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, ERROR_DOMAIN));
    }
}

#[tokio::test]
async fn a_replayed_answer_is_marked() {
    let bank = Bank::start().await;
    let response = bank.grpc_client().await.create_user(sign_up("replayed")).await.unwrap();
    assert_eq!(response.metadata().get("idempotent-replayed").unwrap(), "true");
}

#[tokio::test]
async fn the_request_id_goes_both_ways_and_the_peer_is_known() {
    let bank = Bank::start().await;
    let mut request = Request::new(sign_up("alice10"));
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let response = bank.grpc_client().await.create_user(request).await.unwrap();
    assert_eq!(response.metadata().get("x-request-id").unwrap(), "mine-1");
    let (metadata, peer) = bank.fake.last_seen();
    assert_eq!(metadata.get("x-request-id").unwrap(), "mine-1");
    let PeerAddress(peer) = peer.unwrap();
    assert_eq!(peer.ip(), bank.grpc.ip());
    assert_ne!(peer.port(), bank.grpc.port());
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_unread() {
    let bank = Bank::start().await;
    let mut request = sign_up("alice10");
    request.full_name = "a".repeat(MAX_MESSAGE_BYTES);
    let status = bank.grpc_client().await.create_user(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(bank.fake.calls(), 0);
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let bank = Bank::start().await;
    let mut client = tonic::client::Grpc::new(bank.channel().await);
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<VerifyEmailRequest, VerifyEmailRequest>::default();
    let path = http::uri::PathAndQuery::from_static("/pb.SimpleBank/Nope");
    let request = Request::new(VerifyEmailRequest::default());
    assert_eq!(client.unary(request, path, codec).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn health_follows_the_phase_of_the_process() {
    let bank = Bank::start().await;
    let mut health = HealthClient::new(bank.channel().await);
    let mut watched =
        health.watch(HealthCheckRequest { service: "pb.SimpleBank".to_owned() }).await.unwrap().into_inner();
    let mut next = async || ServingStatus::try_from(watched.next().await.unwrap().unwrap().status).unwrap();
    assert_eq!(next().await, ServingStatus::NotServing);
    bank.readiness.start_serving().await;
    assert_eq!(next().await, ServingStatus::Serving);
    bank.readiness.start_draining().await;
    assert_eq!(next().await, ServingStatus::NotServing);
    let whole = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(whole.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn reflection_lists_the_services_under_both_names() {
    let bank = Bank::start().await;
    let channel = bank.channel().await;

    use v1::{server_reflection_request::MessageRequest, server_reflection_response::MessageResponse};
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("expected a list of services")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"pb.SimpleBank".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");

    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "pb.CreateUserRequest".to_owned(),
        )),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("expected a file, got {answer:?}")
    };
    assert_eq!(files.file_descriptor_proto.len(), 1);
}
