//! Probes, and letting go of the ports in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simplebank::{
    grpc::Limits,
    server::{Check, Drained, Readiness, web},
};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tower::ServiceExt;

use crate::{
    bank::{Bank, PATIENCE, answer, sign_up},
    echo,
};

#[tokio::test]
async fn alive_from_the_start_and_ready_between_start_and_drain() {
    let bank = Bank::start().await;
    let ready = async || answer(bank.request(Method::GET, "/readyz")).await;
    let alive = async || answer(bank.request(Method::GET, "/healthz")).await;
    assert_eq!(alive().await, (StatusCode::OK, json!({"status": "alive"})));
    assert_eq!(
        ready().await,
        (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "not ready", "not_ready": ["starting"]}))
    );
    bank.readiness.start_serving().await;
    assert_eq!(ready().await, (StatusCode::OK, json!({"status": "ready"})));
    bank.readiness.start_draining().await;
    assert_eq!(ready().await.1["not_ready"], json!(["draining"]));
    assert_eq!(alive().await.0, StatusCode::OK);
}

#[tokio::test]
async fn readyz_names_what_does_not_work_and_keeps_the_cause_to_itself() {
    let works = Arc::new(AtomicBool::new(false));
    let probe = {
        let works = Arc::clone(&works);
        move || {
            let works = works.load(Ordering::SeqCst);
            async move { if works { Ok(()) } else { Err("unable to open database file /var/x.db".into()) } }
        }
    };
    let bank = Bank::with(Limits::default(), vec![Check::new("store", probe)], PATIENCE).await;
    bank.readiness.start_serving().await;
    let (status, value) = answer(bank.request(Method::GET, "/readyz")).await;
    assert_eq!(
        (status, value),
        (StatusCode::SERVICE_UNAVAILABLE, json!({"status": "not ready", "not_ready": ["store"]}))
    );
    works.store(true, Ordering::SeqCst);
    assert_eq!(answer(bank.request(Method::GET, "/readyz")).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_counts_as_failed() {
    let readiness = Readiness::new(vec![Check::new("store", std::future::pending)]).await;
    readiness.start_serving().await;
    let request = http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
    let response = web(echo::gateway(), readiness).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_probe_with_a_wrong_verb_is_answered_like_any_path() {
    let bank = Bank::start().await;
    let response = bank.request(Method::POST, "/healthz").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    assert_eq!(response.json::<Value>().await.unwrap()["code"], 12);
}

#[tokio::test]
async fn an_idle_port_drains_at_once() {
    let bank = Bank::start().await;
    answer(bank.create_user("{}")).await;
    bank.grpc_client().await.create_user(sign_up("alice10")).await.unwrap();
    // Connections that never say a word: there is nothing of theirs to finish.
    let (_silent_http, _silent_grpc) =
        (TcpStream::connect(bank.http).await.unwrap(), TcpStream::connect(bank.grpc).await.unwrap());
    bank.shutdown.cancel();
    for ended in bank.ended {
        let drained = tokio::time::timeout(PATIENCE / 2, ended).await.unwrap().unwrap();
        assert_eq!(drained, Drained::Completely);
    }
    assert!(TcpStream::connect(bank.http).await.is_err());
}

#[tokio::test]
async fn calls_on_both_ports_may_finish_while_the_ports_drain() {
    let bank = Bank::start().await;
    let slow_http = tokio::spawn(answer(bank.create_user(r#"{"username":"slow"}"#)));
    let mut client = bank.grpc_client().await;
    let slow_grpc = tokio::spawn(async move { client.create_user(sign_up("slow")).await });
    bank.fake.slow_call_arrived().await;
    bank.fake.slow_call_arrived().await;
    bank.shutdown.cancel();
    bank.fake.release_slow_call();
    bank.fake.release_slow_call();
    assert_eq!(slow_http.await.unwrap().0, StatusCode::OK);
    assert!(slow_grpc.await.unwrap().is_ok());
    for ended in bank.ended {
        assert_eq!(ended.await.unwrap(), Drained::Completely);
    }
}

#[tokio::test]
async fn what_is_left_at_the_deadline_is_cut_off_and_counted() {
    let bank = Bank::with(Limits::default(), Vec::new(), Duration::from_millis(20)).await;
    let slow_http = tokio::spawn(bank.create_user(r#"{"username":"slow"}"#).send());
    let mut client = bank.grpc_client().await;
    let slow_grpc = tokio::spawn(async move { client.create_user(sign_up("slow")).await });
    bank.fake.slow_call_arrived().await;
    bank.fake.slow_call_arrived().await;
    bank.shutdown.cancel();
    for ended in bank.ended {
        assert_eq!(ended.await.unwrap(), Drained::Cut(1));
    }
    assert!(slow_http.await.unwrap().is_err());
    assert!(slow_grpc.await.unwrap().is_err());
}

#[tokio::test]
async fn the_grpc_port_hangs_up_on_what_is_not_http2() {
    let bank = Bank::start().await;
    let mut stream = TcpStream::connect(bank.grpc).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection stayed open");
}
