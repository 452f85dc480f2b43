//! Production: one JSON object per line, without payloads, and settings that must be there.

use crate::home::Home;
use reqwest::StatusCode;
use serde_json::{Map, Value};

/// 32 bytes, as `openssl rand -hex 32` makes them.
const KEY: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What production needs, and one thing it is warned about: mails that only become files.
const SETTINGS: [(&str, &str); 4] = [
    ("ENVIRONMENT", "production"),
    ("PUBLIC_BASE_URL", "https://bank.example"),
    ("TOKEN_SYMMETRIC_KEY", KEY),
    ("PASSWORD_HASH", "argon2id:m=19456,t=2,p=1"),
];

/// The names in a line, in the order in which they stand there.
fn names(line: &str) -> Vec<String> {
    let object: Map<String, Value> =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    let mut names: Vec<String> = object.keys().cloned().collect();
    names.sort_by_key(|name| line.find(&format!("\"{name}\":")));
    names
}

fn value(line: &str, name: &str) -> Value {
    serde_json::from_str::<Value>(line).unwrap()[name].clone()
}

#[tokio::test]
async fn log_is_one_object_a_line_with_its_names_in_order() {
    let home = Home::new();
    let bank = home.bank(&SETTINGS).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    let enqueued = bank.line("enqueued task").await;
    assert_eq!(names(&enqueued), ["level", "time", "type", "queue", "max_retry", "request_id", "message"]);
    let request = bank.line("received an HTTP request").await;
    assert_eq!(
        names(&request),
        [
            "level",
            "time",
            "protocol",
            "method",
            "path",
            "status_code",
            "status_text",
            "duration",
            "request_id",
            "message",
        ]
    );
    assert_eq!(value(&request, "request_id"), value(&enqueued, "request_id"));
    let processed = bank.line("processed task").await;
    assert_eq!(names(&processed)[..4], ["level", "time", "type", "email"]);
    assert_eq!(value(&processed, "email"), "alice10@email.com");

    let ended = bank.into_process().stop().await;
    let mut messages = Vec::new();
    for line in &ended.stderr {
        let names = names(line);
        assert_eq!(
            (&*names[0], &*names[1], &*names[names.len() - 1]),
            ("level", "time", "message"),
            "{line}"
        );
        assert!(!names.contains(&"payload".to_owned()), "{line}");
        messages.push(value(line, "message"));
    }
    for message in ["db migrated successfully", "start task processor", "Starting processing"] {
        assert!(messages.contains(&message.into()), "{message} is missing in {messages:?}");
    }
    assert!(!home.path().join("simplebank.key").exists(), "production makes no key");
}

#[tokio::test]
async fn mails_that_only_become_files_are_warned_about() {
    let home = Home::new();
    let bank = home.bank(&SETTINGS).await;
    let notice = bank.line("EMAIL_URL").await;
    assert_eq!((value(&notice, "level"), names(&notice).len()), ("warn".into(), 3), "{notice}");
}

#[tokio::test]
async fn production_without_its_settings_does_not_start() {
    let home = Home::new();
    let ended = home.run(&[], &[("ENVIRONMENT", "production")]).ended().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let subjects: Vec<&str> = ended.stderr.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(subjects, ["PUBLIC_BASE_URL", "TOKEN_SYMMETRIC_KEY", "PASSWORD_HASH"], "{ended:?}");
}
