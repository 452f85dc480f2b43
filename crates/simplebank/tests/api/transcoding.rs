//! How requests become messages and messages become answers, for everything that an annotation or a field
//! can be.

use std::convert::Infallible;

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use simplebank::gateway::{Gateway, MAX_DEPTH};
use tokio_stream::{once, pending};

use crate::echo::{compile, gateway, refused, send, understood};

#[tokio::test]
async fn a_path_variable_fills_its_field() {
    assert_eq!(understood("GET", "/v1/things/42", "").await["id"], "42");
    assert_eq!(understood("DELETE", "/v1/things/-7", "").await["id"], "-7");
    assert_eq!(understood("GET", "/v1/things/9/parts", "").await["big"], "9");
}

#[tokio::test]
async fn an_additional_binding_reaches_the_same_method() {
    let value = understood("GET", "/v1/owners/alice%20ten%2F1/things", "").await;
    assert_eq!(value["inner"]["name"], "alice ten/1");
    let value = understood("PUT", "/v1/things/5", r#"{"small": 1}"#).await;
    assert_eq!((&value["id"], &value["small"]), (&json!("5"), &json!(1)));
}

#[tokio::test]
async fn a_literal_wins_over_a_variable() {
    let value = understood("GET", "/v1/things/mine", "").await;
    assert_eq!(value["id"], "0");
}

#[tokio::test]
async fn the_path_wins_over_body_and_query() {
    assert_eq!(understood("POST", "/v1/things/1/reverse", r#"{"id": 2}"#).await["id"], "1");
    assert_eq!(understood("GET", "/v1/things/1?id=2", "").await["id"], "1");
}

#[tokio::test]
async fn a_body_field_takes_the_body_and_the_query_takes_the_rest() {
    let value = understood("PATCH", "/v1/things/3?small=4&inner.name=query", r#"{"name":"body"}"#).await;
    assert_eq!(
        (&value["id"], &value["small"], &value["inner"]["name"]),
        (&json!("3"), &json!(4), &json!("body"))
    );
}

#[tokio::test]
async fn a_whole_body_leaves_the_query_without_meaning() {
    assert_eq!(understood("POST", "/v1/things?small=4", "{}").await["small"], 0);
}

#[tokio::test]
async fn a_body_where_none_is_declared_is_not_read() {
    assert_eq!(understood("GET", "/v1/things?small=4", "not json").await["small"], 4);
}

#[tokio::test]
async fn query_values_of_every_kind_are_read() {
    let value = understood(
        "GET",
        "/v1/things?id=-5&small=6&big=18446744073709551615&ratio=1.5e3&done=true&displayName=a+b%2Bc&raw=_-8%3D\
         &color=GREEN&at=2022-11-21T16:42:07.123456Z&span=1.500s&numbers=1&numbers=2&inner.inner.name=deep\
         &nickname=&left=l",
        "",
    )
    .await;
    let expected = json!({
        "id": "-5", "small": 6, "big": "18446744073709551615", "ratio": 1500.0, "done": true,
        "display_name": "a b+c", "raw": "/+8=", "color": "GREEN", "at": "2022-11-21T16:42:07.123456Z",
        "span": "1.500s", "numbers": ["1", "2"], "counts": {}, "list": [], "nickname": "", "left": "l",
        "inner": {"name": "", "number": "0", "inner": {"name": "deep", "number": "0"}},
    });
    assert_eq!(value, expected);
}

#[tokio::test]
async fn query_keys_are_read_by_proto_name_and_by_json_name() {
    assert_eq!(understood("GET", "/v1/things?display_name=x", "").await["display_name"], "x");
    assert_eq!(understood("GET", "/v1/things?displayName=x", "").await["display_name"], "x");
}

#[tokio::test]
async fn unknown_query_keys_are_ignored() {
    let value =
        understood("GET", "/v1/things?nope=1&inner=x&counts=1&id.deeper=1&inner.nope=1&&=&%ff=1&small=2", "")
            .await;
    assert_eq!((&value["small"], &value["inner"]), (&json!(2), &Value::Null));
}

#[tokio::test]
async fn a_single_field_given_twice_is_refused() {
    let (message, violations) =
        refused("GET", "/v1/things?display_name=a&displayName=b&display_name=c", "").await;
    assert_eq!(message, "invalid parameters");
    assert_eq!(violations, ["display_name: must be given only once"]);
}

#[tokio::test]
async fn every_wrong_value_of_path_and_query_is_named() {
    let query = "small=2147483648&big=-1&ratio=x&done=yes&color=BLUE&at=yesterday&span=1h&raw=%21&numbers=1&numbers=x\
                 &display_name=%ff&inner.number=1.5";
    let (_, violations) = refused("GET", &format!("/v1/things/abc?{query}"), "").await;
    let expected = [
        "small: must be a 32-bit integer",
        "big: must be a 64-bit integer, not negative",
        "ratio: must be a number",
        "done: must be true or false",
        "color: must be one of COLOR_UNSPECIFIED, RED, GREEN",
        "at: must be an RFC 3339 time such as 2026-01-31T12:00:00Z",
        "span: must be a duration in seconds such as 1.5s",
        "raw: must be base64 text",
        "numbers: must be a 64-bit integer",
        "display_name: must be valid UTF-8",
        "inner.number: must be a 64-bit integer",
        "id: must be a 64-bit integer",
    ];
    assert_eq!(violations, expected);
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_refused() {
    let (_, violations) = refused("GET", "/v1/owners/%ff%fe/things", "").await;
    assert_eq!(violations, ["inner.name: must be valid UTF-8"]);
}

#[tokio::test]
async fn json_names_of_both_kinds_are_read_and_proto_names_are_written() {
    for body in [r#"{"display_name":"x"}"#, r#"{"displayName":"x"}"#] {
        assert_eq!(understood("POST", "/v1/things", body).await["display_name"], "x");
    }
}

#[tokio::test]
async fn a_64_bit_integer_may_be_a_string_or_a_number_and_is_written_as_a_string() {
    for body in [r#"{"id":"9007199254740993"}"#, r#"{"id":9007199254740993}"#] {
        assert_eq!(understood("POST", "/v1/things", body).await["id"], "9007199254740993");
    }
    assert_eq!(understood("POST", "/v1/things", r#"{"id":1e2}"#).await["id"], "100");
}

#[tokio::test]
async fn zero_values_are_written_and_absent_messages_are_not() {
    let expected = json!({
        "id": "0", "small": 0, "big": "0", "ratio": 0.0, "done": false, "display_name": "", "raw": "",
        "color": "COLOR_UNSPECIFIED", "numbers": [], "counts": {}, "list": [],
    });
    assert_eq!(understood("POST", "/v1/things", "{}").await, expected);
}

#[tokio::test]
async fn an_empty_body_is_an_empty_message() {
    for body in ["", " \r\n\t"] {
        assert_eq!(understood("POST", "/v1/things", body).await["id"], "0");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_at_every_level() {
    let body = r#"{"nope":[{"x":null}],"inner":{"nope":1,"name":"n"},"color":"PURPLE"}"#;
    let value = understood("POST", "/v1/things", body).await;
    assert_eq!((&value["inner"]["name"], &value["color"]), (&json!("n"), &json!("COLOR_UNSPECIFIED")));
}

#[tokio::test]
async fn null_is_as_good_as_absent() {
    assert_eq!(understood("POST", "/v1/things", r#"{"id":null,"inner":null}"#).await["id"], "0");
}

#[tokio::test]
async fn times_are_written_in_utc() {
    let value = understood("POST", "/v1/things", r#"{"at":"2022-11-21T16:42:07.5+02:00"}"#).await;
    assert_eq!(value["at"], "2022-11-21T14:42:07.500Z");
    let value = understood("POST", "/v1/things", r#"{"at":"0001-01-01T00:00:00Z"}"#).await;
    assert_eq!(value["at"], "0001-01-01T00:00:00Z");
}

#[tokio::test]
async fn malformed_json_is_located() {
    let cases = [
        ("{", "malformed JSON: EOF while parsing an object at line 1 column 1"),
        ("{\"id\":1,\n \"small\" 2}", "malformed JSON: expected `:` at line 2 column 10"),
        ("{\"id\":1} x", "malformed JSON: trailing characters at line 1 column 10"),
        ("{'id':1}", "malformed JSON: key must be a string at line 1 column 2"),
        ("nope", "malformed JSON: expected ident at line 1 column 2"),
    ];
    for (body, expected) in cases {
        assert_eq!(refused("POST", "/v1/things", body).await.0, expected);
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    for body in ["[]", "1", "\"x\"", "null", "true"] {
        assert_eq!(refused("POST", "/v1/things", body).await.0, "body must be a JSON object", "{body}");
    }
}

#[tokio::test]
async fn a_wrong_type_names_the_field_and_never_the_value() {
    let cases = [
        (r#"{"id":"s3cret"}"#, "id", "must be a 64-bit integer"),
        (r#"{"id":true}"#, "id", "must be a 64-bit integer"),
        (r#"{"id":9223372036854775808}"#, "id", "must be a 64-bit integer"),
        (r#"{"small":1.5}"#, "small", "must be a 32-bit integer"),
        (r#"{"displayName":{"s3cret":1}}"#, "displayName", "must be a string"),
        (r#"{"done":"true"}"#, "done", "must be true or false"),
        (r#"{"at":"s3cret"}"#, "at", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z"),
        (r#"{"raw":"s3cret!"}"#, "raw", "must be base64 text"),
        (r#"{"color":[]}"#, "color", "must be one of COLOR_UNSPECIFIED, RED, GREEN"),
        (r#"{"numbers":5}"#, "numbers", "must be a list"),
        (r#"{"numbers":[1,"s3cret"]}"#, "numbers[1]", "must be a 64-bit integer"),
        (r#"{"inner":"s3cret"}"#, "inner", "must be an object"),
        (r#"{"inner":{"inner":{"number":"s3cret"}}}"#, "inner.inner.number", "must be a 64-bit integer"),
        (r#"{"list":[{},{"name":7}]}"#, "list[1].name", "must be a string"),
        (r#"{"counts":{"a":"s3cret"}}"#, "counts.a", "must be an object with values of one type"),
    ];
    for (body, field, description) in cases {
        let (message, violations) = refused("POST", "/v1/things", body).await;
        assert_eq!(violations, [format!("{field}: {description}")], "{body}");
        assert!(message.starts_with(&format!("{field} {description} (line 1 column ")), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[tokio::test]
async fn two_members_of_a_oneof_are_refused() {
    for body in [r#"{"left":"a","right":"b"}"#, r#"{"nickname":"a","nickname":"b"}"#] {
        let (message, _) = refused("POST", "/v1/things", body).await;
        assert!(
            message.starts_with("body sets a field twice, or two that exclude each other (line 1"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused() {
    let (message, _) = refused("POST", "/v1/things", &b"{\"display_name\":\"\xff\"}"[..]).await;
    assert_eq!(message, "body is not valid UTF-8 at byte 17");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let never = StreamBody::new(pending::<Result<Frame<Bytes>, Infallible>>());
    let request = http::Request::post("/v1/things").body(never).unwrap();
    let response = gateway().handle(request).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let broken = StreamBody::new(once(Err::<Frame<Bytes>, _>("reset")));
    let request = http::Request::post("/v1/things").body(broken).unwrap();
    let response = gateway().handle(request).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nesting_is_bounded_in_known_unknown_and_free_form_fields() {
    let nested = |open: &str, close: &str, levels: usize| open.repeat(levels) + "0" + &close.repeat(levels);
    for (open, close) in [("{\"inner\":", "}"), ("{\"nope\":", "}"), ("[", "]")] {
        let (message, _) = refused("POST", "/v1/things", nested(open, close, 5_000)).await;
        assert_eq!(message, format!("JSON is nested deeper than {MAX_DEPTH} levels"));
    }
    // The deepest body let in is one that the service can decode, even where each level costs several in
    // protobuf.
    let deepest = nested("{\"a\":", "}", MAX_DEPTH - 1);
    understood("POST", "/v1/things", format!("{{\"loose\":{deepest}}}")).await;
    let path = "inner.".repeat(10_000);
    understood("GET", &format!("/v1/things?{path}name=x"), "").await;
}

#[tokio::test]
async fn brackets_inside_strings_are_no_nesting() {
    let text = "[{\\\"".repeat(200);
    let value = understood("POST", "/v1/things", format!("{{\"display_name\":\"{text}\"}}")).await;
    assert_eq!(value["display_name"].as_str().unwrap().len(), 600);
}

#[tokio::test]
async fn a_wrong_verb_is_told_the_right_ones() {
    for (verb, path, allow) in [
        ("POST", "/v1/things/1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("GET", "/v1/things/1/reverse", "OPTIONS, POST"),
        ("BREW", "/v1/things", "GET, HEAD, OPTIONS, POST"),
    ] {
        let request = http::Request::builder().method(verb).uri(path).body(String::new()).unwrap();
        let response = gateway().handle(request).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], allow);
    }
}

#[tokio::test]
async fn options_lists_the_verbs_of_a_path() {
    let request = http::Request::builder().method("OPTIONS").uri("/v1/things").body(String::new()).unwrap();
    let response = gateway().handle(request).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST");
    assert_eq!(send("OPTIONS", "/nope", "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_path_that_is_not_exactly_a_route_is_unknown() {
    for path in
        ["/", "/v1", "/v1/things/", "/v1/things//reverse", "/v1/things/1/", "/V1/things", "//v1/things", "*"]
    {
        let (status, value) = send("GET", path, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(value, json!({"code": 5, "message": "Not Found"}));
    }
}

#[test]
fn an_annotation_that_cannot_be_served_is_named_at_start() {
    let cases = [
        ("rpc M(stream T) returns (T)", r#"get: "/a""#, "streaming"),
        ("rpc M(T) returns (T)", r#"get: "/a" response_body: "x""#, "response_body"),
        ("rpc M(T) returns (T)", r#"get: "a""#, "must start with /"),
        ("rpc M(T) returns (T)", r#"get: "/a/{nope}""#, "nope is not a single scalar field"),
        ("rpc M(T) returns (T)", r#"get: "/a/{list}""#, "list is not a single scalar field"),
        ("rpc M(T) returns (T)", r#"get: "/a/{x=b/*}""#, "only literals and {field}"),
        ("rpc M(T) returns (T)", r#"get: "/a/**""#, "only literals and {field}"),
        ("rpc M(T) returns (T)", r#"post: "/a:verb""#, "only literals and {field}"),
        ("rpc M(T) returns (T)", r#"post: "/a" body: "nope""#, "body names no field: nope"),
        ("rpc M(T) returns (T)", r#"post: "/a" body: "x""#, "body field x is not a single message"),
        ("rpc M(T) returns (T)", r#"custom: {kind: "HEAD" path: "/a"}"#, "custom verb HEAD"),
        ("rpc M(T) returns (T)", r#"get: "/a" additional_bindings {get: "/a"}"#, "same GET path"),
        ("rpc M(T) returns (T)", r#"get: "/{x}" additional_bindings {get: "/{t.x}"}"#, "same GET path"),
        ("rpc M(T) returns (T)", r#"body: "*""#, "names no path"),
    ];
    for (method, annotation, fault) in cases {
        let source = format!(
            r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
               message T {{ string x = 1; T t = 2; repeated string list = 3; }}
               service S {{ {method} {{ option (google.api.http) = {{ {annotation} }}; }} }}"#
        );
        let service = tower::service_fn(|_: http::Request<tonic::body::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(tonic::body::Body::empty()))
        });
        let error = Gateway::new(&compile("t.proto", &source), service).expect_err(annotation).to_string();
        assert!(error.starts_with("t.S.M: ") && error.contains(fault), "{annotation}: {error}");
    }
}
