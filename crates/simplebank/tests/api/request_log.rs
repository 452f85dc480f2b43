//! One log line per call.

use std::{
    io,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use serde_json::{Map, Value, json};
use simplebank::{domain::time::SystemClock, telemetry::Json};
use tonic::Request;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{fmt, fmt::format::JsonFields};

use crate::bank::{Bank, answer, sign_up};

#[tokio::test]
async fn an_http_call_leaves_one_line_without_the_query() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    let path = "/v1/verify_email?email_id=1&secret_code=good";
    answer(bank.request(Method::GET, path).header("x-request-id", "mine-1")).await;
    let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    let keys: Vec<&str> = line.order.iter().map(String::as_str).collect();
    let expected = [
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
    ];
    assert_eq!(keys, expected);
    assert_eq!(line["level"], "info");
    assert_eq!(line["message"], "received an HTTP request");
    assert_eq!((&line["protocol"], &line["method"]), (&json!("http"), &json!("GET")));
    assert_eq!(line["path"], "/v1/verify_email");
    assert_eq!((&line["status_code"], &line["status_text"]), (&json!(200), &json!("OK")));
    assert!(line["duration"].is_f64());
    assert_eq!(line["request_id"], "mine-1");
}

#[tokio::test]
async fn a_grpc_call_leaves_one_line() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    let mut request = Request::new(sign_up("alice10"));
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    bank.grpc_client().await.create_user(request).await.unwrap();
    let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    let keys: Vec<&str> = line.order.iter().map(String::as_str).collect();
    let expected = [
        "level",
        "time",
        "protocol",
        "method",
        "status_code",
        "status_text",
        "duration",
        "request_id",
        "message",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&line["level"], &line["message"]), (&json!("info"), &json!("received a gRPC request")));
    assert_eq!((&line["protocol"], &line["method"]), (&json!("grpc"), &json!("/pb.SimpleBank/CreateUser")));
    assert_eq!((&line["status_code"], &line["status_text"]), (&json!(0), &json!("OK")));
    assert_eq!(line["request_id"], "mine-1");
}

#[tokio::test]
async fn the_level_follows_whose_fault_it_was() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    let mut client = bank.grpc_client().await;
    for (username, level) in [("alice10", "INFO"), ("taken", "WARN"), ("busy", "WARN")] {
        answer(bank.create_user(format!(r#"{{"username":"{username}"}}"#))).await;
        assert_eq!(log.take_last()["level"], level.to_lowercase(), "{username} over HTTP");
        let _ = client.create_user(sign_up(username)).await;
        assert_eq!(log.take_last()["level"], level.to_lowercase(), "{username} over gRPC");
    }
    answer(bank.request(Method::GET, "/v1/nope")).await;
    assert_eq!(log.take_last()["level"], "warn");
}

#[tokio::test]
async fn an_internal_error_is_logged_once_with_its_cause_and_the_request_id() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    answer(bank.create_user(r#"{"username":"broken"}"#).header("x-request-id", "mine-1")).await;
    let [cause, request] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    assert_eq!((&cause["level"], &cause["message"]), (&json!("error"), &json!("failed to create user")));
    assert_eq!(cause["error"], "UNIQUE constraint failed: users.email at 10.0.0.7");
    assert_eq!((&request["level"], &request["status_code"]), (&json!("error"), &json!(500)));
    assert_eq!((&cause["request_id"], &request["request_id"]), (&json!("mine-1"), &json!("mine-1")));
}

#[tokio::test]
async fn a_panic_is_logged_with_the_request_id() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    let mut request = Request::new(sign_up("panic"));
    request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
    bank.grpc_client().await.create_user(request).await.unwrap_err();
    let [panic, request] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    assert_eq!(panic["error"], "the fake bank was told to panic");
    assert_eq!(panic["request_id"], "mine-1");
    assert_eq!((&request["level"], &request["status_text"]), (&json!("error"), &json!("Internal")));
}

#[tokio::test]
async fn a_client_that_leaves_is_logged_as_such() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    let leaving = tokio::spawn(answer(bank.create_user(r#"{"username":"slow"}"#)));
    bank.fake.slow_call_arrived().await;
    leaving.abort();
    let mut client = bank.grpc_client().await;
    let leaving = tokio::spawn(async move { client.create_user(sign_up("slow")).await });
    bank.fake.slow_call_arrived().await;
    leaving.abort();
    // The lines are there when the ports have let go of all connections.
    bank.shutdown.cancel();
    for ended in bank.ended {
        ended.await.unwrap();
    }
    let mut lines = log.lines();
    lines.sort_by_key(|line| line["protocol"].to_string());
    let [grpc, http] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&grpc["status_code"], &grpc["status_text"]), (&json!(1), &json!("Canceled")));
    assert_eq!((&http["status_code"], &http["status_text"]), (&json!(499), &json!("Client Closed Request")));
}

#[tokio::test]
async fn a_probe_that_succeeds_is_a_detail() {
    let (log, _guard) = Log::catch();
    let bank = Bank::start().await;
    answer(bank.request(Method::GET, "/healthz")).await;
    assert_eq!(log.take_last()["level"], "debug");
    answer(bank.request(Method::GET, "/readyz")).await;
    assert_eq!(log.take_last()["level"], "error");
}

/// What this test's thread logs.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

/// One line, and its keys in their order.
#[derive(Debug, Clone)]
struct Line {
    order: Vec<String>,
    fields: Map<String, Value>,
}

impl std::ops::Index<&str> for Line {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.fields[name]
    }
}

impl Log {
    fn catch() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .fmt_fields(JsonFields::new())
            .event_format(Json::new(Arc::new(SystemClock)))
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines of the bank itself.
    fn lines(&self) -> Vec<Line> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(line).filter(|line| line.fields.contains_key("request_id")).collect()
    }

    fn take_last(&self) -> Line {
        let last = self.lines().pop().expect("a line was logged");
        self.0.lock().unwrap().clear();
        last
    }
}

fn line(text: &str) -> Line {
    let fields: Map<String, Value> = serde_json::from_str(text).unwrap();
    let mut order: Vec<String> = fields.keys().cloned().collect();
    order.sort_by_key(|name| text.find(&format!("\"{name}\":")));
    Line { order, fields }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
