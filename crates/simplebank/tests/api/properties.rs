//! Whatever is sent, the gateway answers, and never blames itself.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::echo::{Echo, gateway};

const VERBS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"];

/// Runs many requests of a strategy through one gateway.
fn check(requests: impl Strategy<Value = (&'static str, String, Vec<u8>)>) {
    let runtime: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let gateway = gateway();
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&requests, |(verb, path, body)| {
        // What is no URI never gets past the HTTP server.
        let Ok(request) = Request::builder().method(verb).uri(path).body(Full::new(Bytes::from(body))) else {
            return Ok(());
        };
        runtime.block_on(answers_sensibly(&gateway, request))
    });
    outcome.unwrap();
}

async fn answers_sensibly(gateway: &Echo, request: Request<Full<Bytes>>) -> Result<(), TestCaseError> {
    let response = gateway.handle(request).await;
    let status = response.status();
    prop_assert!(!status.is_server_error(), "{status}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    if status != StatusCode::NO_CONTENT {
        let value: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(value.get("code").is_some(), !status.is_success(), "{}", value);
    }
    Ok(())
}

#[test]
fn any_bytes_as_a_body() {
    check((Just("POST"), Just("/v1/things".to_owned()), vec(any::<u8>(), 0..300)));
}

#[test]
fn any_json_as_a_body() {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:e}")),
        ".{0,10}".prop_map(|value| Value::from(value).to_string()),
        select(vec![
            r#""2022-11-21T16:42:07Z""#,
            r#""9999-12-31T23:59:60Z""#,
            r#""-315576000000.9s""#,
            r#""AAA=""#,
            r#""NaN""#
        ])
        .prop_map(str::to_owned),
    ];
    let key = prop_oneof![
        select(vec![
            "id",
            "small",
            "big",
            "ratio",
            "done",
            "display_name",
            "displayName",
            "raw",
            "color",
            "at",
            "span",
            "numbers",
            "counts",
            "inner",
            "list",
            "nickname",
            "left",
            "right",
            "loose",
            "name",
            "number",
        ])
        .prop_map(str::to_owned),
        "[a-z@.]{0,5}",
    ];
    let json = leaf.prop_recursive(40, 200, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            vec((key.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.into_iter().map(|(key, value)| format!("{}:{value}", Value::from(key))).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    let paths = select(vec![("POST", "/v1/things"), ("PATCH", "/v1/things/1"), ("PUT", "/v1/things/1")]);
    check((paths, json).prop_map(|((verb, path), body)| (verb, path.to_owned(), body.into_bytes())));
}

#[test]
fn any_path() {
    let segment = prop_oneof![
        select(vec![
            "v1", "things", "mine", "owners", "parts", "reverse", "1", "", "..", "%2f", "%", "%ff", "{id}",
            "*"
        ])
        .prop_map(str::to_owned),
        "[!-~]{0,6}",
        "\\PC{0,4}",
    ];
    let path = vec(segment, 0..6).prop_map(|segments| format!("/{}", segments.join("/")));
    check((select(VERBS.to_vec()), path, Just(Vec::new())));
}

#[test]
fn any_query() {
    let key = select(vec![
        "id",
        "small",
        "big",
        "ratio",
        "done",
        "displayName",
        "raw",
        "color",
        "at",
        "span",
        "numbers",
        "counts",
        "counts.a",
        "inner",
        "inner.name",
        "inner.inner.inner.number",
        "list",
        "list.name",
        "nickname",
        "left",
        "right",
        "loose",
        "loose.fields",
        "at.seconds",
        "numbers.x",
        "%ff",
        "",
        ".",
        "inner.",
    ]);
    let value =
        prop_oneof![any::<i64>().prop_map(|value| value.to_string()), "[!-~]{0,8}", "(%[0-9a-f]{2}){0,4}"];
    let query = vec((key, value), 0..8).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("/v1/things?{}", pairs.join("&"))
    });
    check((Just("GET"), query, Just(Vec::new())));
    check((Just("GET"), "/v1/things\\?[!-~]{0,40}", Just(Vec::new())));
}
