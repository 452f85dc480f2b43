//! The console: which lines there are, their levels, and their fields in order.

use crate::grpc::channel;
use crate::home::{Home, address, user};
use reqwest::{Method, StatusCode};
use simplebank::pb::{CreateUserRequest, simple_bank_client::SimpleBankClient};

/// The line without the time of day, which must be there.
fn untimed(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no time in {line:?}"));
    let digits = time.strip_suffix("AM").or(time.strip_suffix("PM")).unwrap_or_default();
    let (hour, minute) = digits.split_once(':').unwrap_or_default();
    let number = |text: &str, at_most| text.parse::<u8>().is_ok_and(|number| number <= at_most);
    assert!(number(hour, 12) && minute.len() == 2 && number(minute, 59), "no time in {line:?}");
    rest
}

/// The line with the value of one field replaced, which must be there and look as `is_value` says.
fn masked(line: &str, field: &str, is_value: impl Fn(&str) -> bool) -> String {
    let start = format!(" {field}=");
    let (before, rest) = line.split_once(&start).unwrap_or_else(|| panic!("no {field} in {line:?}"));
    let (value, after) = rest.find(' ').map_or((rest, ""), |end| rest.split_at(end));
    assert!(is_value(value), "{field}={value} in {line:?}");
    format!("{before}{start}?{after}")
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_milliseconds(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|milliseconds| (0.0..60_000.0).contains(&milliseconds))
}

#[tokio::test]
async fn start_says_what_is_there_and_where() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let (grpc, http) = (address(&bank, "start gRPC server at ").await, bank.http.clone());
    assert!(grpc.starts_with("127.0.0.1:") && !grpc.ends_with(":0"), "{grpc}");
    let log = bank.log();
    let mut lines: Vec<&str> = log.lines().map(untimed).collect();
    assert_eq!(lines[0], "INF db migrated successfully");
    lines[1..].sort_unstable();
    let others = [
        "INF Starting processing",
        &format!("INF start HTTP gateway server at {http}"),
        &format!("INF start gRPC server at {grpc}"),
        "INF start task processor",
    ];
    assert_eq!(lines[1..], others);
}

#[tokio::test]
async fn sign_up_is_an_enqueued_task_a_request_and_a_processed_task() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    let enqueued = bank.line("enqueued task").await;
    let payload = r#"payload="{\"username\":\"alice10\"}""#;
    let task = format!("max_retry=10 {payload} queue=critical type=task:send_verify_email");
    assert_eq!(untimed(&enqueued), format!("INF enqueued task {task}"));

    let request = bank.line("received an HTTP request").await;
    let request = masked(&masked(&request, "duration", is_milliseconds), "request_id", is_uuid);
    assert_eq!(
        untimed(&request),
        "INF received an HTTP request duration=? method=POST path=/v1/create_user protocol=http request_id=? \
         status_code=200 status_text=OK"
    );

    let processed = bank.line("processed task").await;
    let processed = masked(&processed, "mail", |path| path.starts_with("./mail/") && path.ends_with(".eml"));
    assert_eq!(
        untimed(&processed),
        format!("INF processed task email=alice10@email.com mail=? {payload} type=task:send_verify_email")
    );
    // The task is logged after its commit and before the answer; the worker may be faster than either.
    let log = bank.log();
    assert!(log.find("enqueued task") < log.find("received an HTTP request"), "{log}");
}

#[tokio::test]
async fn task_that_fails_for_the_last_time_is_an_error_and_a_warning() {
    let home = Home::new();
    // Bound and not listening: nobody else gets the port, and nobody answers at it.
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("smtp://127.0.0.1:{closed}");
    let bank = home.bank(&[("EMAIL_URL", &url), ("TASK_MAX_RETRY", "0")]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    let exhausted = bank.line("Retry exhausted").await;
    let id =
        untimed(&exhausted).strip_prefix("WRN Retry exhausted for task id=").expect("a warning with an id");
    assert!(is_uuid(id), "{exhausted}");

    let failed = bank.line("process task failed").await;
    let (start, rest) = untimed(&failed).split_once(" payload=").expect("a payload");
    let error = "ERR process task failed error=\"cannot send the e-mail now: connection to 127.0.0.1:";
    assert!(start.starts_with(error) && start.ends_with('"'), "{failed}");
    assert_eq!(rest, r#""{\"username\":\"alice10\"}" type=task:send_verify_email"#);
    let log = bank.log();
    let order = ["enqueued task", "process task failed", "Retry exhausted"].map(|text| log.find(text));
    assert!(order.is_sorted() && order[0].is_some(), "{log}");
}

#[tokio::test]
async fn every_call_leaves_one_line_and_probes_leave_none() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::CONFLICT);
    assert_eq!(bank.get("/v1/nope?secret=x").await.0, StatusCode::NOT_FOUND);
    assert_eq!(bank.get("/v1/verify_email?email_id=1&secret_code=short").await.0, StatusCode::BAD_REQUEST);
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(bank.get(probe).await.0, StatusCode::OK);
    }
    let mut client = SimpleBankClient::new(channel(&bank).await);
    client.create_user(CreateUserRequest::default()).await.unwrap_err();
    let body = user("bob10");
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    let bob = CreateUserRequest {
        username: text("username"),
        full_name: text("full_name"),
        email: text("email"),
        password: text("password"),
    };
    client.create_user(bob).await.unwrap();

    let lines = bank.lines("received a", 6).await;
    let line = |line: &String| {
        let line = masked(&masked(line, "duration", is_milliseconds), "request_id", is_uuid);
        untimed(&line).to_owned()
    };
    let http = "received an HTTP request duration=? method";
    let grpc =
        "received a gRPC request duration=? method=/pb.SimpleBank/CreateUser protocol=grpc request_id=?";
    let rest = "protocol=http request_id=?";
    assert_eq!(
        lines.iter().map(line).collect::<Vec<_>>(),
        [
            format!("INF {http}=POST path=/v1/create_user {rest} status_code=200 status_text=OK"),
            format!("WRN {http}=POST path=/v1/create_user {rest} status_code=409 status_text=Conflict"),
            format!("WRN {http}=GET path=/v1/nope {rest} status_code=404 status_text=\"Not Found\""),
            format!(
                "WRN {http}=GET path=/v1/verify_email {rest} status_code=400 status_text=\"Bad Request\""
            ),
            format!("WRN {grpc} status_code=3 status_text=InvalidArgument"),
            format!("INF {grpc} status_code=0 status_text=OK"),
        ]
    );
}

#[tokio::test]
async fn level_is_the_least_that_is_logged() {
    let home = Home::new();
    let bank = home.run(&[], &[("LOG_LEVEL", "error")]);
    // Nothing is said, so the only sign of life is the key that a first start makes.
    let made = async {
        while !home.path().join("simplebank.key").is_file() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::process::PATIENCE, made).await.expect("the bank starts");
    assert_eq!(bank.log(), "");
    let quiet = Home::new();
    let bank = quiet.bank(&[("LOG_LEVEL", "debug")]).await;
    bank.request(Method::GET, "/healthz").send().await.unwrap();
    bank.line("DBG received an HTTP request").await;
}
