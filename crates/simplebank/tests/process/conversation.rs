//! The conversation of the README over HTTP: a user signs up, finds the mail, and follows the link.

use crate::home::{Home, answer, mailbox_of};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn user_signs_up_and_verifies_the_address_with_the_link_in_the_mail() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let (status, body) = bank.sign_up("alice10").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let user = &body["user"];
    assert_eq!((&user["username"], &user["email"]), (&json!("alice10"), &json!("alice10@email.com")));
    assert_eq!(user["password_changed_at"], "0001-01-01T00:00:00Z");
    assert!(user.get("password").is_none() && user.get("hashed_password").is_none(), "{body}");

    let line = bank.line("processed task").await;
    let logged = line.split(' ').find_map(|field| field.strip_prefix("mail=")).expect("the path is logged");
    assert!(home.path().join(logged).is_file(), "{logged}");

    let mail = home.mail_to("alice10@email.com");
    assert!(
        mail.link.starts_with("http://localhost:8080/v1/verify_email?email_id=1&secret_code="),
        "{mail:?}"
    );
    // Mail scanners follow links before their readers do.
    for _ in 0..2 {
        let verified = bank.get(mail.path_and_query()).await;
        assert_eq!(verified, (StatusCode::OK, json!({"is_verified": true})));
    }
}

#[tokio::test]
async fn wrong_and_foreign_codes_are_refused_alike_and_clearly() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    for username in ["alice10", "bob10"] {
        assert_eq!(bank.sign_up(username).await.0, StatusCode::OK);
    }
    bank.lines("processed task", 2).await;
    let [alice, bob] = ["alice10", "bob10"].map(|username| home.mail_to(&mailbox_of(username)));
    let wrong = alice.path_and_query().replace(alice.code(), &"x".repeat(43));
    let foreign = alice.path_and_query().replace(alice.code(), bob.code());
    let nowhere = "/v1/verify_email?email_id=999&secret_code=".to_owned() + bob.code();
    for link in [&wrong, &foreign, &nowhere] {
        let (status, body) = bank.get(link).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(9)), "{body}");
        assert_eq!(body["message"], "verification code is invalid or has expired");
        assert_eq!(body["details"][0]["reason"], "VERIFICATION_CODE_INVALID");
    }
    for malformed in ["", "?email_id=1", "?email_id=-1&secret_code=x", "?email_id=one&secret_code=x"] {
        let (status, body) = bank.get(&format!("/v1/verify_email{malformed}")).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(3)), "{malformed}: {body}");
    }
    assert_eq!(bank.get(alice.path_and_query()).await.0, StatusCode::OK, "refusals use nothing up");
}

#[tokio::test]
async fn code_that_has_expired_is_refused_even_if_it_was_used_before() {
    let home = Home::new();
    let bank = home.bank(&[("VERIFY_EMAIL_DURATION", "1s")]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("processed task").await;
    let mail = home.mail_to("alice10@email.com");
    let link = mail.path_and_query();
    assert_eq!(bank.get(link).await.0, StatusCode::OK);
    // Nothing tells that a moment has passed but the answer.
    let refused = async {
        loop {
            let (status, body) = bank.get(link).await;
            if status != StatusCode::OK {
                return (status, body["code"].clone());
            }
        }
    };
    let refused = tokio::time::timeout(crate::process::PATIENCE, refused).await.expect("it expires");
    assert_eq!(refused, (StatusCode::BAD_REQUEST, json!(9)));
}

#[tokio::test]
async fn request_with_an_idempotency_key_is_done_once_and_its_replay_is_marked() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let request = || bank.create_user("alice10").header("idempotency-key", "key-1");
    let first = request().send().await.unwrap();
    assert_eq!((first.status(), first.headers().get("idempotent-replayed")), (StatusCode::OK, None));
    let again = request().send().await.unwrap();
    assert_eq!(
        (again.status(), again.headers().get("idempotent-replayed").is_some_and(|value| value == "true")),
        (StatusCode::OK, true)
    );
    assert_eq!(first.bytes().await.unwrap(), again.bytes().await.unwrap());

    let other = bank.create_user("alice10").header("idempotency-key", "key-2");
    let (status, body) = answer(other).await.unwrap();
    assert_eq!((status, &body["message"]), (StatusCode::CONFLICT, &json!("username already exists")));
    bank.line("processed task").await;
    let ended = bank.into_process().stop().await;
    assert_eq!(ended.printed().matches("enqueued task").count(), 1, "{}", ended.printed());
    assert_eq!(home.mails().len(), 1);
}

#[tokio::test]
async fn probes_tell_that_the_process_lives_and_is_ready() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    assert_eq!(bank.get("/healthz").await, (StatusCode::OK, json!({"status": "alive"})));
    assert_eq!(bank.get("/readyz").await, (StatusCode::OK, json!({"status": "ready"})));
    let wrong = bank.request(Method::POST, "/readyz").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
}
