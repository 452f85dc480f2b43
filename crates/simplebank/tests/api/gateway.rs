//! The HTTP port as clients meet it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simplebank::{gateway::MAX_BODY_BYTES, server::PeerAddress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::bank::{Bank, answer};

const ALICE: &str =
    r#"{"username":"alice10","password":"secret123","full_name":"Alice Ten","email":"alice10@email.com"}"#;

#[tokio::test]
async fn create_user_answers_with_the_user() {
    let bank = Bank::start().await;
    let response = bank.create_user(ALICE).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers().get("idempotent-replayed").is_none());
    let expected = json!({"user": {
        "username": "alice10", "full_name": "Alice Ten", "email": "alice10@email.com",
        "password_changed_at": "0001-01-01T00:00:00Z", "created_at": "2022-11-21T16:42:07.123456Z",
        "is_email_verified": false, "role": "depositor",
    }});
    assert_eq!(response.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn any_content_type_is_parsed_as_json() {
    let bank = Bank::start().await;
    for content_type in ["application/x-www-form-urlencoded", "text/plain", "image/png"] {
        let (status, value) = answer(bank.create_user(ALICE).header("content-type", content_type)).await;
        assert_eq!((status, &value["user"]["username"]), (StatusCode::OK, &json!("alice10")));
    }
}

#[tokio::test]
async fn verify_email_reads_the_query_and_shows_false() {
    let bank = Bank::start().await;
    let (status, value) =
        answer(bank.request(Method::GET, "/v1/verify_email?email_id=1&secret_code=good")).await;
    assert_eq!((status, value), (StatusCode::OK, json!({"is_verified": true})));
    let (_, value) = answer(bank.request(Method::GET, "/v1/verify_email?emailId=2&secretCode=x")).await;
    assert_eq!(value, json!({"is_verified": false}));
}

#[tokio::test]
async fn a_wrong_code_is_a_clear_refusal() {
    let bank = Bank::start().await;
    let (status, value) =
        answer(bank.request(Method::GET, "/v1/verify_email?email_id=1&secret_code=x")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(value["code"], 9);
    assert_eq!(value["message"], "verification code is invalid or has expired");
    assert_eq!(value["details"][0]["reason"], "VERIFICATION_CODE_INVALID");
}

#[tokio::test]
async fn all_violations_are_listed() {
    let bank = Bank::start().await;
    let (status, value) = answer(bank.create_user(r#"{"username":"invalid"}"#)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let expected = json!({"code": 3, "message": "invalid parameters", "details": [{
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [
            {"field": "username", "description": "must be another"},
            {"field": "password", "description": "must contain from 6-100 characters"},
        ],
    }]});
    assert_eq!(value, expected);
}

#[tokio::test]
async fn a_duplicate_says_of_what() {
    let bank = Bank::start().await;
    for (username, message, reason) in [
        ("taken", "username already exists", "USERNAME_ALREADY_EXISTS"),
        ("taken_email", "email already exists", "EMAIL_ALREADY_EXISTS"),
    ] {
        let (status, value) = answer(bank.create_user(format!(r#"{{"username":"{username}"}}"#))).await;
        assert_eq!(status, StatusCode::CONFLICT);
        let expected = json!({"code": 6, "message": message, "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "simplebank",
        }]});
        assert_eq!(value, expected);
    }
}

#[tokio::test]
async fn an_internal_error_keeps_its_cause_to_itself() {
    let bank = Bank::start().await;
    let (status, value) = answer(bank.create_user(r#"{"username":"broken"}"#)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((&value["code"], &value["message"]), (&json!(13), &json!("failed to create user")));
    assert!(!value.to_string().contains("UNIQUE"), "{value}");
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back() {
    let bank = Bank::start().await;
    let response = bank.create_user(r#"{"username":"busy"}"#).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    let value: Value = response.json().await.unwrap();
    let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"});
    assert!(value["details"].as_array().unwrap().contains(&retry), "{value}");
}

#[tokio::test]
async fn an_unauthenticated_answer_carries_a_challenge_and_no_empty_details() {
    let bank = Bank::start().await;
    let response = bank.create_user(r#"{"username":"stranger"}"#).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = r#"Bearer error_description="unauthorized: token x has expired""#;
    assert_eq!(response.headers()["www-authenticate"], challenge);
    let value: Value = response.json().await.unwrap();
    assert_eq!(value, json!({"code": 16, "message": "unauthorized: token \"x\" has expired"}));
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_next_call_works() {
    let bank = Bank::start().await;
    let (status, value) = answer(bank.create_user(r#"{"username":"panic"}"#)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((&value["code"], &value["message"]), (&json!(13), &json!("internal error")));
    assert_eq!(answer(bank.create_user(ALICE)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_verb_are_told_apart() {
    let bank = Bank::start().await;
    let (status, value) = answer(bank.request(Method::GET, "/v1/nope")).await;
    assert_eq!((status, value), (StatusCode::NOT_FOUND, json!({"code": 5, "message": "Not Found"})));

    let response = bank.request(Method::DELETE, "/v1/create_user").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "OPTIONS, POST");
    let value: Value = response.json().await.unwrap();
    assert_eq!(value, json!({"code": 12, "message": "Method Not Allowed"}));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let bank = Bank::start().await;
    let path = "/v1/verify_email?email_id=1&secret_code=good";
    let get = bank.request(Method::GET, path).send().await.unwrap();
    let head = bank.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!(
        (head.status(), &head.headers()["content-length"]),
        (get.status(), &get.headers()["content-length"])
    );
    assert_eq!(head.bytes().await.unwrap(), "");
}

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
    let bank = Bank::start().await;
    let padded = |bytes: usize| ALICE.to_owned() + &" ".repeat(bytes - ALICE.len());
    assert_eq!(answer(bank.create_user(padded(MAX_BODY_BYTES))).await.0, StatusCode::OK);
    for bytes in [MAX_BODY_BYTES + 1, 20 * MAX_BODY_BYTES] {
        let (status, value) = answer(bank.create_user(padded(bytes))).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(
            value,
            json!({"code": 8, "message": format!("body is larger than {MAX_BODY_BYTES} bytes")})
        );
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_bounded_too() {
    let bank = Bank::start().await;
    let head = "POST /v1/create_user HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, " ".repeat(60_000));
    let answer = raw(&bank, format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_or_too_long_a_head_is_refused() {
    let bank = Bank::start().await;
    let long = "x".repeat(20_000);
    let many = "a: b\r\n".repeat(100);
    for (request, status) in [
        ("\u{0}\u{1}\u{2}\r\n\r\n".to_owned(), 400),
        ("GET /\u{fffd} HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 404),
        (format!("GET /v1/verify_email HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n"), 431),
        (format!("GET /v1/verify_email HTTP/1.1\r\nhost: x\r\n{many}\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431),
    ] {
        let answer = raw(&bank, request.clone()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer} for {request:.80}");
    }
}

#[tokio::test]
async fn the_listed_headers_reach_the_service_and_no_others() {
    let bank = Bank::start().await;
    let request = bank
        .create_user(ALICE)
        .header("authorization", "Bearer token")
        .header("idempotency-key", "key-1")
        .header("x-request-id", "request-1")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("user-agent", "curl/8")
        .header("grpc-timeout", "5S")
        .header("grpc-metadata-x-peer", "10.0.0.1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-internal-user", "root")
        .header("grpc-status", "0")
        .header("cookie", "a=b");
    assert_eq!(answer(request).await.0, StatusCode::OK);
    let (metadata, peer) = bank.fake.last_seen();
    let mut keys: Vec<String> = metadata.into_headers().keys().map(ToString::to_string).collect();
    keys.sort_unstable();
    let expected = [
        "authorization",
        "content-type",
        "grpc-timeout",
        "idempotency-key",
        "te",
        "traceparent",
        "user-agent",
        "x-request-id",
    ];
    assert_eq!(keys, expected);
    let PeerAddress(peer) = peer.expect("the peer address is passed on in process");
    assert_eq!(peer.ip(), bank.http.ip());
    assert_ne!(peer.port(), bank.http.port());
}

#[tokio::test]
async fn a_replayed_answer_is_marked_and_other_metadata_stays_inside() {
    let bank = Bank::start().await;
    let response = bank.create_user(r#"{"username":"replayed"}"#).send().await.unwrap();
    assert_eq!(response.headers()["idempotent-replayed"], "true");
    assert!(response.headers().get("x-internal").is_none());
}

#[tokio::test]
async fn a_request_id_is_kept_or_made_and_always_returned() {
    let bank = Bank::start().await;
    let response = bank.create_user(ALICE).header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "mine-1");

    let response =
        bank.request(Method::GET, "/v1/nope").header("x-request-id", "not valid!").send().await.unwrap();
    let made = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(uuid::Uuid::parse_str(&made).is_ok(), "{made}");

    let response = bank.create_user(ALICE).send().await.unwrap();
    let (metadata, _) = bank.fake.last_seen();
    assert_eq!(
        metadata.get("x-request-id").unwrap().as_bytes(),
        response.headers()["x-request-id"].as_bytes()
    );
}

/// Sends bytes as they are and reads until the server closes.
async fn raw(bank: &Bank, request: String) -> String {
    let mut stream = TcpStream::connect(bank.http).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = vec![0; 512];
    let read = stream.read(&mut start).await.unwrap();
    String::from_utf8_lossy(&start[..read]).into_owned()
}
