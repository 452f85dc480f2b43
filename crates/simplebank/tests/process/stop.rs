//! Stopping: in order and within a deadline when asked once, at once when asked twice.

use crate::database::Database;
use crate::grpc::channel;
use crate::home::{Home, user};
use crate::process::{PATIENCE, Process};
use reqwest::StatusCode;
use rustix::process::Signal;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long an idle bank takes to stop, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn idle_bank_stops_in_order_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let bank = home.bank(&[]).await;
        assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
        bank.line("processed task").await;
        let asked = Instant::now();
        bank.signal(signal);
        let ended = bank.into_process().ended().await;
        assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
        assert_eq!(ended.status.code(), Some(0), "{signal:?}: {ended:?}");
        let log = ended.printed();
        let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text:?} is missing in\n{log}"));
        for part in ["gRPC server", "HTTP gateway server", "task processor"] {
            assert!(at(&format!("graceful shutdown {part}")) < at(&format!("{part} is stopped")), "{log}");
        }
        assert!(at("start task processor") < at("graceful shutdown"), "{log}");
        assert!(!log.contains("WRN") && !log.contains("ERR"), "{log}");
    }
}

/// A connection with a request of which a part is missing.
struct HalfSent {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl HalfSent {
    async fn begin(address: &str, username: &str) -> Self {
        let body = user(username).to_string();
        let head = format!(
            "POST /v1/create_user HTTP/1.1\r\nhost: bank\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server asks for the body once it is at work on the request.
        let mut go_on = [0; 12];
        stream.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100");
        Self { stream, rest: body.into_bytes() }
    }

    async fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Waits until new connections are not taken any more.
async fn until_refused(address: &str) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("a bank that stops takes no new connections");
}

#[tokio::test]
async fn request_in_flight_is_answered_and_its_task_is_kept() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let request = HalfSent::begin(&bank.http, "alice10").await;
    bank.signal(Signal::TERM);
    bank.line("graceful shutdown HTTP gateway server").await;
    bank.line("Starting graceful shutdown").await;
    until_refused(&bank.http).await;
    let answer = request.finish().await;
    assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains("alice10"), "{answer}");
    let ended = bank.into_process().ended().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");

    let again = home.bank(&[]).await;
    if home.mails().is_empty() {
        again.line("processed task").await;
    }
    assert_eq!(home.mail_to("alice10@email.com").to, "alice10@email.com");
    let database = Database::open(&home).await;
    let queue = database.queue().await.expect("there was a task");
    database.close().await;
    assert_eq!(queue.failed, 0, "no attempt is burnt");
}

#[tokio::test]
async fn request_that_never_ends_is_cut_off_at_the_deadline() {
    let home = Home::new();
    let bank = home.bank(&[("SHUTDOWN_TIMEOUT", "300ms")]).await;
    let _request = HalfSent::begin(&bank.http, "alice10").await;
    let asked = Instant::now();
    let ended = bank.into_process().stop().await;
    assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.printed().contains("HTTP gateway server is stopped, connections were cut"), "{ended:?}");
}

#[tokio::test]
async fn second_signal_stops_at_once() {
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let home = Home::new();
        let bank = home.bank(&[("SHUTDOWN_TIMEOUT", "10m")]).await;
        let _request = HalfSent::begin(&bank.http, "alice10").await;
        bank.signal(first);
        bank.line("graceful shutdown").await;
        let asked = Instant::now();
        bank.signal(second);
        let ended = bank.into_process().ended().await;
        assert!(asked.elapsed() < SOON, "it took {:?}", asked.elapsed());
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.printed().contains("ERR stopped at once by a second signal"), "{ended:?}");
    }
}

#[tokio::test]
async fn server_and_worker_alone_stop_in_order_too() {
    let home = Home::new();
    let (server, worker) = (home.serve(&[]).await, home.worker(&[]).await);
    let processes: [(Process, &str); 2] =
        [(server.into_process(), "gRPC server is stopped"), (worker, "task processor is stopped")];
    for (process, last) in processes {
        let ended = process.stop().await;
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert!(ended.printed().contains(last), "{ended:?}");
    }
}

/// Between the first signal and the closed ports there is no time for a probe; who watches is told.
#[tokio::test]
async fn who_watches_the_health_is_told_that_the_bank_drains() {
    let home = Home::new();
    let bank = home.bank(&[("SHUTDOWN_TIMEOUT", "1s")]).await;
    let mut health = HealthClient::new(channel(&bank).await);
    let request = HealthCheckRequest { service: "pb.SimpleBank".to_owned() };
    let mut watched = health.watch(request).await.unwrap().into_inner();
    let mut next = async || watched.next().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    bank.signal(Signal::TERM);
    assert_eq!(next().await, ServingStatus::NotServing);
    drop(watched);
    drop(health);
    assert_eq!(bank.into_process().ended().await.status.code(), Some(0));
}
