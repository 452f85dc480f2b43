//! What the service stack takes on, on either port: a bounded number of calls, each for a bounded time.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use simplebank::{
    grpc::{self, Limits},
    pb::simple_bank_client::SimpleBankClient,
};
use tonic::{Code, Request};

use crate::bank::{Bank, PATIENCE, answer, sign_up};

#[tokio::test]
async fn one_call_too_many_is_refused_on_both_ports_and_health_still_answers() {
    let limits = Limits { calls_in_flight: 1, ..Limits::default() };
    let bank = Bank::with(limits, Vec::new(), PATIENCE).await;
    bank.readiness.start_serving().await;
    let slow = tokio::spawn(answer(bank.create_user(r#"{"username":"slow"}"#)));
    bank.fake.slow_call_arrived().await;

    let status = bank.grpc_client().await.create_user(sign_up("alice10")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let (status, value) = answer(bank.create_user(r#"{"username":"alice10"}"#)).await;
    assert_eq!((status, &value["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!(8)));
    assert_eq!(answer(bank.request(reqwest::Method::GET, "/readyz")).await.0, StatusCode::OK);

    bank.fake.release_slow_call();
    assert_eq!(slow.await.unwrap().0, StatusCode::OK);
    assert_eq!(answer(bank.create_user(r#"{"username":"alice10"}"#)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_call_over_the_servers_time_ends_on_both_ports() {
    let limits = Limits { call_timeout: Duration::from_millis(20), ..Limits::default() };
    let bank = Bank::with(limits, Vec::new(), PATIENCE).await;
    let status = bank.grpc_client().await.create_user(sign_up("slow")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "the call took too long"));
    let (status, value) = answer(bank.create_user(r#"{"username":"slow"}"#)).await;
    assert_eq!((status, &value["code"]), (StatusCode::GATEWAY_TIMEOUT, &json!(4)));
}

#[tokio::test]
async fn a_caller_can_shorten_the_time_through_either_port() {
    let bank = Bank::start().await;
    // Straight into the stack, because a client with a network below it would keep the time itself.
    let services =
        grpc::services(bank.fake.clone(), bank.readiness.health_service(), Limits::default()).unwrap();
    let mut request = Request::new(sign_up("slow"));
    request.metadata_mut().insert("grpc-timeout", "20m".parse().unwrap());
    let status = SimpleBankClient::new(services).create_user(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);

    let request = bank.create_user(r#"{"username":"slow"}"#).header("grpc-timeout", "20m");
    assert_eq!(answer(request).await.0, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_timeout_that_cannot_be_read_is_refused() {
    let bank = Bank::start().await;
    let (status, value) = answer(bank.create_user("{}").header("grpc-timeout", "soon")).await;
    assert_eq!((status, &value["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    assert!(value["message"].as_str().unwrap().contains("grpc-timeout"), "{value}");
    assert_eq!(bank.fake.calls(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place() {
    let limits = Limits { calls_in_flight: 1, ..Limits::default() };
    let bank = Bank::with(limits, Vec::new(), PATIENCE).await;
    let leaving = tokio::spawn(answer(bank.create_user(r#"{"username":"slow"}"#)));
    bank.fake.slow_call_arrived().await;
    leaving.abort();
    // The server notices when its side of the connection closes, which no signal tells from here.
    let freed = async {
        while answer(bank.create_user(r#"{"username":"alice10"}"#)).await.0 != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the place was never freed");
}
