//! What must never be printed, whatever the level: passwords, their hashes, codes and keys.

use crate::home::{Home, PASSWORD, answer, user};
use reqwest::{Method, StatusCode};

#[tokio::test]
async fn nothing_secret_is_printed_at_any_level() {
    let home = Home::new();
    for level in ["info", "trace"] {
        let bank = home.bank(&[("LOG_LEVEL", level)]).await;
        let name = |number: u8| format!("{level}{number}");
        let request = bank.create_user(&name(1)).header("idempotency-key", "a-key-of-the-client");
        assert_eq!(answer(request).await.unwrap().0, StatusCode::OK);
        // Refusals quote what they refuse less readily than one thinks.
        let mut body = user("B");
        body["password"] = "hunter2-hunter2".into();
        assert_eq!(answer(bank.request(Method::POST, "/v1/create_user").json(&body)).await.unwrap().0, 400);
        let broken = format!("{{\"username\": \"bob10\", \"password\": \"{PASSWORD}\", \"email\": 7}}");
        assert_eq!(answer(bank.request(Method::POST, "/v1/create_user").body(broken)).await.unwrap().0, 400);
        assert_eq!(bank.sign_up(&name(1)).await.0, StatusCode::CONFLICT);

        bank.line("processed task").await;
        let mail = home.mail_to(&format!("{}@email.com", name(1)));
        let wrong = mail.path_and_query().replace("email_id=", "email_id=9");
        assert_eq!(bank.get(mail.path_and_query()).await.0, StatusCode::OK);
        assert_eq!(bank.get(&wrong).await.0, StatusCode::BAD_REQUEST);

        let key = std::fs::read_to_string(home.path().join("simplebank.key")).unwrap();
        let printed = bank.into_process().stop().await.printed();
        assert!(printed.contains("processed task"), "{printed}");
        for secret in [PASSWORD, "hunter2", "$argon2", "a-key-of-the-client", mail.code(), key.trim()] {
            assert!(!printed.contains(secret), "{secret:?} is printed at level {level}:\n{printed}");
        }
    }
}

#[tokio::test]
async fn secrets_in_faulty_settings_are_not_repeated() {
    let home = Home::new();
    let settings = [
        ("TOKEN_SYMMETRIC_KEY", "too-short-to-be-a-key"),
        ("EMAIL_URL", "smtp://bank:swordfish@mail.example:port"),
        ("DB_SOURCE", "mysql://root:opensesame@localhost/bank"),
        ("REDIS_ADDRESS", "redis://bank:mellon@redis.example/first"),
        ("REDIS_DB", "second"),
    ];
    let ended = home.run(&["--email-sender-pasword=letmein"], &settings).ended().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    for secret in ["too-short", "swordfish", "opensesame", "mellon", "letmein"] {
        assert!(!ended.printed().contains(secret), "{secret:?} is printed:\n{}", ended.printed());
    }
    for (name, _) in settings {
        assert!(ended.printed().contains(name), "{name} is not named:\n{}", ended.printed());
    }
}
