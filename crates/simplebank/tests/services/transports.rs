//! The use cases as clients reach them: through gRPC messages, and through JSON.

use crate::kit::World;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use simplebank::gateway::Gateway;
use simplebank::grpc::{self, Limits, SimpleBankApi};
use simplebank::pb::{self, CreateUserRequest, VerifyEmailRequest, simple_bank_client::SimpleBankClient};
use simplebank::server::Readiness;
use tonic::Code;
use tonic::service::Routes;
use tonic_types::StatusExt;

const ALICE: &str =
    r#"{"username":"alice10","password":"secret123","full_name":"Alice Ten","email":"alice10@email.com"}"#;

async fn services(world: &World) -> Routes {
    let health = Readiness::new(Vec::new()).await.health_service();
    grpc::services(SimpleBankApi::new(world.bank.clone()), health, Limits::default())
        .expect("a service stack")
}

async fn json_call(
    world: &World,
    request: http::request::Builder,
    body: &str,
) -> (StatusCode, HeaderMap, Value) {
    let gateway = Gateway::new(&pb::descriptors(), services(world).await).expect("a gateway");
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
    let (head, body) = gateway.handle(request).await.into_parts();
    let body = body.collect().await.expect("a whole answer").to_bytes();
    (head.status, head.headers, serde_json::from_slice(&body).expect("JSON"))
}

async fn post_user(world: &World, body: &str) -> (StatusCode, HeaderMap, Value) {
    json_call(world, Request::post("/v1/create_user"), body).await
}

fn alice() -> CreateUserRequest {
    CreateUserRequest {
        username: "alice10".to_owned(),
        full_name: "Alice Ten".to_owned(),
        email: "alice10@email.com".to_owned(),
        password: "secret123".to_owned(),
    }
}

#[tokio::test]
async fn a_user_is_created_through_json() {
    let world = World::new().await;
    let (status, _, value) = post_user(&world, ALICE).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"user": {
        "username": "alice10", "full_name": "Alice Ten", "email": "alice10@email.com",
        "password_changed_at": "0001-01-01T00:00:00Z", "created_at": "2023-11-14T22:13:20.123456Z",
        "is_email_verified": false, "role": "depositor",
    }});
    assert_eq!(value, expected);
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn the_same_user_is_created_through_grpc() {
    let world = World::new().await;
    let mut client = SimpleBankClient::new(services(&world).await);
    let user = client.create_user(alice()).await.unwrap().into_inner().user.unwrap();
    assert_eq!((user.username.as_str(), user.email.as_str()), ("alice10", "alice10@email.com"));
    assert_eq!(user.created_at, Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_456_000 }));
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_replayed_answer_is_marked_through_json_and_through_grpc() {
    let world = World::new().await;
    let request = || Request::post("/v1/create_user").header("idempotency-key", "key-1");
    let (_, headers, first) = json_call(&world, request(), ALICE).await;
    assert!(headers.get("idempotent-replayed").is_none());
    let (_, headers, again) = json_call(&world, request(), ALICE).await;
    assert_eq!((&headers["idempotent-replayed"], &again), (&"true".parse().unwrap(), &first));

    let mut request = tonic::Request::new(alice());
    request.metadata_mut().insert("idempotency-key", "key-1".parse().unwrap());
    let response = SimpleBankClient::new(services(&world).await).create_user(request).await.unwrap();
    assert_eq!(response.metadata().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(world.users_and_tasks().await, (1, 1));
}

#[tokio::test]
async fn a_key_for_another_request_is_refused_with_its_reason() {
    let world = World::new().await;
    let request = || Request::post("/v1/create_user").header("idempotency-key", "key-1");
    json_call(&world, request(), ALICE).await;
    let (status, _, value) = json_call(&world, request(), &ALICE.replace("Ten", "Eleven")).await;
    assert_eq!((status, &value["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    assert_eq!(value["details"][0]["reason"], "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn violations_of_all_fields_and_of_the_key_are_listed_together() {
    let world = World::new().await;
    let request = Request::post("/v1/create_user").header("idempotency-key", &b"caf\xe9"[..]);
    let (status, _, value) = json_call(&world, request, r#"{"username":"A","password":"short"}"#).await;
    assert_eq!((status, &value["message"]), (StatusCode::BAD_REQUEST, &json!("invalid parameters")));
    let violations = value["details"][0]["field_violations"].as_array().unwrap();
    let fields: Vec<&str> = violations.iter().map(|violation| violation["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["username", "full_name", "email", "password", "idempotency-key"]);
}

#[tokio::test]
async fn a_duplicate_is_a_conflict_that_says_of_what() {
    let world = World::new().await;
    post_user(&world, ALICE).await;
    let (status, _, value) = post_user(&world, ALICE).await;
    assert_eq!((status, &value["message"]), (StatusCode::CONFLICT, &json!("username already exists")));
    let (status, _, value) = post_user(&world, &ALICE.replace(r#""alice10""#, r#""alice11""#)).await;
    assert_eq!((status, &value["message"]), (StatusCode::CONFLICT, &json!("email already exists")));
}

#[tokio::test]
async fn the_link_of_the_mail_verifies_the_address_more_than_once() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    let code = mail.code.expose();
    let link = format!("/v1/verify_email?email_id={}&secret_code={code}", mail.email_id);
    for _ in 0..2 {
        let (status, _, value) = json_call(&world, Request::get(&link), "").await;
        assert_eq!((status, value), (StatusCode::OK, json!({"is_verified": true})));
    }
    let request = VerifyEmailRequest { email_id: mail.email_id, secret_code: code.to_owned() };
    let mut client = SimpleBankClient::new(services(&world).await);
    assert!(client.verify_email(request).await.unwrap().into_inner().is_verified);
}

#[tokio::test]
async fn a_wrong_code_is_a_clear_refusal() {
    let world = World::new().await;
    let mail = world.alice_and_her_mail().await;
    let link = format!("/v1/verify_email?email_id={}&secret_code={}", mail.email_id, "x".repeat(43));
    let (status, _, value) = json_call(&world, Request::get(&link), "").await;
    assert_eq!((status, &value["code"]), (StatusCode::BAD_REQUEST, &json!(9)));

    let request = VerifyEmailRequest { email_id: mail.email_id, secret_code: "x".repeat(43) };
    let status = SimpleBankClient::new(services(&world).await).verify_email(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().unwrap().reason, "VERIFICATION_CODE_INVALID");
}
