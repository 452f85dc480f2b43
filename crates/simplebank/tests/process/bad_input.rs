//! Bad input to the real server: its status, its code, and a message that names the fault.

use crate::home::{Home, PASSWORD, Server, answer, mailbox_of, user};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use simplebank::gateway::MAX_BODY_BYTES;

/// What was sent, and what must come back.
struct Case {
    name: &'static str,
    request: RequestBuilder,
    status: StatusCode,
    code: i32,
    /// A part of the answer.
    says: &'static str,
}

fn case(
    name: &'static str,
    request: RequestBuilder,
    (status, code): (StatusCode, i32),
    says: &'static str,
) -> Case {
    Case { name, request, status, code, says }
}

/// A request for `bob10` in which one field is another.
fn bob(bank: &Server, field: &str, value: impl Into<Value>) -> RequestBuilder {
    let mut body = user("bob10");
    body[field] = value.into();
    bank.request(Method::POST, "/v1/create_user").json(&body)
}

const INVALID: (StatusCode, i32) = (StatusCode::BAD_REQUEST, 3);
const TAKEN: (StatusCode, i32) = (StatusCode::CONFLICT, 6);

fn cases(bank: &Server) -> Vec<Case> {
    let post = |body: &[u8]| bank.request(Method::POST, "/v1/create_user").body(body.to_vec());
    let get = |path| bank.request(Method::GET, path);
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, 8);
    let not_found = (StatusCode::NOT_FOUND, 5);
    let wrong_verb = (StatusCode::METHOD_NOT_ALLOWED, 12);
    vec![
        case("malformed JSON", post(b"{\"username\": "), INVALID, "JSON"),
        case("JSON of another kind", post(b"[1, 2]"), INVALID, "object"),
        case("number where text belongs", bob(bank, "username", 7), INVALID, "username"),
        case("bytes that are not UTF-8", post(b"{\"username\": \"\xff\xfe\"}"), INVALID, "UTF-8"),
        case("query that is not UTF-8", get("/v1/verify_email?email_id=1&secret_code=%FF"), INVALID, "UTF-8"),
        case("body over the limit", post(&vec![b' '; MAX_BODY_BYTES + 1]), too_large, "65536 bytes"),
        case("overlong username", bob(bank, "username", "a".repeat(101)), INVALID, "3-100 characters"),
        case("overlong name", bob(bank, "full_name", "a".repeat(101)), INVALID, "3-100 characters"),
        case("overlong address", bob(bank, "email", "a".repeat(201) + "@b.example"), INVALID, "email"),
        case("overlong code", get(OVERLONG_CODE), INVALID, "secret_code"),
        case("letters that no username has", bob(bank, "username", "Bob-10"), INVALID, "lowercase"),
        case("address that is none", bob(bank, "email", "bob10"), INVALID, "is not a valid email address"),
        case("username of another user", bob(bank, "username", "alice10"), TAKEN, "username already exists"),
        case(
            "address of another user",
            bob(bank, "email", "alice10@email.com"),
            TAKEN,
            "email already exists",
        ),
        case("the same in capitals", bob(bank, "email", "ALICE10@email.com"), TAKEN, "email already exists"),
        case("wrong verb", bank.request(Method::DELETE, "/v1/create_user"), wrong_verb, "Method Not Allowed"),
        case("unknown path", get("/v1/nope"), not_found, "Not Found"),
    ]
}

/// A code may have 128 characters; this one has 129.
const OVERLONG_CODE: &str = concat!(
    "/v1/verify_email?email_id=1&secret_code=",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
);

#[tokio::test]
async fn each_fault_has_its_status_its_code_and_a_message_that_names_it() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    for Case { name, request, status, code, says } in cases(&bank) {
        let (answered, body) = answer(request).await.unwrap();
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{name}: {body}");
        assert!(body.to_string().contains(says), "{name}: {says:?} is not in {body}");
    }
    let wrong_verb = bank.request(Method::DELETE, "/v1/create_user").send().await.unwrap();
    assert_eq!(wrong_verb.headers()["allow"], "OPTIONS, POST");
    bank.line("processed task").await;
    assert_eq!(home.mails().len(), 1, "only alice10 has signed up");
}

#[tokio::test]
async fn all_violations_are_listed_together() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let body = json!({"username": "B", "password": "short", "full_name": "", "email": "nowhere"});
    let request = bank.request(Method::POST, "/v1/create_user").header("idempotency-key", "").json(&body);
    let (status, body) = answer(request).await.unwrap();
    assert_eq!(
        (status, &body["code"], &body["message"]),
        (StatusCode::BAD_REQUEST, &json!(3), &json!("invalid parameters"))
    );
    let details = &body["details"][0];
    assert_eq!(details["@type"], "type.googleapis.com/google.rpc.BadRequest");
    let violations = details["field_violations"].as_array().unwrap();
    let fields: Vec<&str> = violations.iter().map(|violation| violation["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["username", "full_name", "email", "password", "idempotency-key"], "{body}");
}

#[tokio::test]
async fn password_has_6_to_100_characters_whatever_their_bytes() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let refused = [("a", 0), ("a", 5), ("a", 101), ("é", 5), ("王", 101), ("🦀", 101)];
    // 72 bytes are the limit of another hash, behind which it reads nothing.
    let accepted = [("a", 6), ("a", 72), ("a", 73), ("a", 100), ("é", 6), ("é", 36), ("王", 24), ("🦀", 100)];
    for (letter, length) in refused {
        let (status, body) = answer(bob(&bank, "password", letter.repeat(length))).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{length} times {letter}: {body}");
        let violation = &body["details"][0]["field_violations"][0];
        let expected = json!({"field": "password", "description": "must contain from 6-100 characters"});
        assert_eq!(violation, &expected, "{length} times {letter}");
    }
    for (number, (letter, length)) in accepted.into_iter().enumerate() {
        let username = format!("bob{number}");
        let mut body = user(&username);
        body["password"] = letter.repeat(length).into();
        let (status, body) = answer(bank.request(Method::POST, "/v1/create_user").json(&body)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{length} times {letter}: {body}");
    }
}

#[tokio::test]
async fn every_byte_of_a_long_password_counts() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let request = |password: String| {
        let body = json!({
            "username": "bob10", "password": password, "full_name": "Bob Ten", "email": mailbox_of("bob10"),
        });
        bank.request(Method::POST, "/v1/create_user").header("idempotency-key", "key-1").json(&body)
    };
    // The key is answered again only to who knows the password.
    let password = PASSWORD.repeat(11);
    assert_eq!(answer(request(password.clone())).await.unwrap().0, StatusCode::OK);
    assert_eq!(answer(request(password.clone())).await.unwrap().0, StatusCode::OK);
    let other = password[..98].to_owned() + "X";
    let (status, body) = answer(request(other)).await.unwrap();
    assert_eq!(
        (status, &body["details"][0]["reason"]),
        (StatusCode::BAD_REQUEST, &json!("IDEMPOTENCY_KEY_REUSED"))
    );
}
