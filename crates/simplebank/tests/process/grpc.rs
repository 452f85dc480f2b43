//! The same conversation over gRPC, the way its tools begin it: reflection, health, then the calls.

use crate::home::{Home, PASSWORD, Server, address, mailbox_of};
use simplebank::pb::{
    CreateUserRequest, CreateUserResponse, VerifyEmailRequest, simple_bank_client::SimpleBankClient,
};
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt;

/// A connection to the gRPC port.
pub(crate) async fn channel(bank: &Server) -> Channel {
    let address = address(bank, "start gRPC server at ").await;
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn user(username: &str) -> CreateUserRequest {
    CreateUserRequest {
        username: username.to_owned(),
        full_name: "Alice Ten".to_owned(),
        email: mailbox_of(username),
        password: PASSWORD.to_owned(),
    }
}

#[tokio::test]
async fn reflection_names_the_services_and_health_says_that_they_serve() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let channel = channel(&bank).await;
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let mut answers = reflection.server_reflection_info(tokio_stream::once(list)).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["pb.SimpleBank", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    for service in ["", "pb.SimpleBank"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
}

#[tokio::test]
async fn user_signs_up_and_verifies_the_address_over_grpc() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let mut client = SimpleBankClient::new(channel(&bank).await);
    let created = client.create_user(user("alice10")).await.unwrap().into_inner().user.unwrap();
    assert_eq!((created.username.as_str(), created.email.as_str()), ("alice10", "alice10@email.com"));

    bank.line("processed task").await;
    let mail = home.mail_to("alice10@email.com");
    let code = VerifyEmailRequest { email_id: 1, secret_code: mail.code().to_owned() };
    for _ in 0..2 {
        assert!(client.verify_email(code.clone()).await.unwrap().into_inner().is_verified);
    }
    let wrong = VerifyEmailRequest { secret_code: "x".repeat(43), ..code };
    let refused = client.verify_email(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.get_details_error_info().unwrap().reason, "VERIFICATION_CODE_INVALID");
}

#[tokio::test]
async fn refusals_over_grpc_have_their_codes_and_details() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let mut client = SimpleBankClient::new(channel(&bank).await);
    let invalid = client.create_user(CreateUserRequest::default()).await.unwrap_err();
    assert_eq!((invalid.code(), invalid.message()), (Code::InvalidArgument, "invalid parameters"));
    let violations = invalid.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["username", "full_name", "email", "password"]);

    client.create_user(user("alice10")).await.unwrap();
    let taken = client.create_user(user("alice10")).await.unwrap_err();
    assert_eq!((taken.code(), taken.message()), (Code::AlreadyExists, "username already exists"));
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_refused_over_grpc_with_the_field() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let mut client = tonic::client::Grpc::new(channel(&bank).await);
    client.ready().await.unwrap();
    // On the wire, bytes in the first field look like a username.
    let codec = tonic_prost::ProstCodec::<Vec<u8>, CreateUserResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/pb.SimpleBank/CreateUser");
    let refused = client.unary(Request::new(b"alice\xff".to_vec()), path, codec).await.unwrap_err();
    // What gRPC libraries answer to a message that they cannot read.
    assert_eq!(refused.code(), Code::Internal);
    assert!(refused.message().contains("username") && refused.message().contains("UTF-8"), "{refused:?}");
}

#[tokio::test]
async fn replay_is_marked_over_grpc_and_keys_are_shared_with_http() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let mut client = SimpleBankClient::new(channel(&bank).await);
    let request = || {
        let mut request = Request::new(user("alice10"));
        request.metadata_mut().insert("idempotency-key", "key-1".parse().unwrap());
        request
    };
    let first = client.create_user(request()).await.unwrap();
    assert!(first.metadata().get("idempotent-replayed").is_none());
    let again = client.create_user(request()).await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(first.into_inner(), again.into_inner());
    let http = bank.create_user("alice10").header("idempotency-key", "key-1").send().await.unwrap();
    assert_eq!(http.headers()["idempotent-replayed"], "true");
}
