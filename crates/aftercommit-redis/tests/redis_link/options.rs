//! Every way to say where Redis is, against a Redis that is there.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use aftercommit_core::Error;
use aftercommit_redis::internals::{Command, Link};
use aftercommit_redis::{RedisOptions, RedisTls};
use aftercommit_servers::{ChaosProxy, RedisServer};

use crate::kit::{chain, increment, link, options, ping};

/// Much shorter than the timeouts that are not under test.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn plain_address_and_database_number() {
    let server = RedisServer::start().unwrap();
    increment(&Link::new(options(&server).database(3))).await.unwrap();
    assert_eq!(server.command(&["-n", "3", "GET", "counter"]).unwrap(), "1");
    assert_eq!(server.command(&["GET", "counter"]).unwrap(), "");

    let missing = increment(&Link::new(options(&server).database(99))).await.unwrap_err();
    assert!(chain(&missing).contains("database"), "{}", chain(&missing));
}

#[tokio::test]
async fn unix_socket_with_a_database() {
    let server = RedisServer::builder().unix_socket().start().unwrap();
    let address = format!("redis-socket://{}?db=2", server.socket().display());
    increment(&Link::new(RedisOptions::parse(&address).unwrap())).await.unwrap();
    assert_eq!(server.command(&["-n", "2", "GET", "counter"]).unwrap(), "1");

    let with_tls = RedisOptions::unix_socket(server.socket()).tls(RedisTls::new());
    let error = increment(&Link::new(with_tls)).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }) && chain(&error).contains("TLS"), "{}", chain(&error));
}

#[tokio::test]
async fn tls_with_the_right_authority_and_the_right_name() {
    let server = RedisServer::builder().tls().start().unwrap();
    let trusted = || RedisTls::new().authorities_file(server.authority()).unwrap();
    let at =
        |host: &str| RedisOptions::parse(&format!("rediss://{host}:{}", server.tls_addr().port())).unwrap();
    assert_eq!(increment(&Link::new(at("127.0.0.1").tls(trusted()))).await.unwrap(), 1);
    let by_name = at("127.0.0.1").tls(trusted().server_name("localhost"));
    assert_eq!(increment(&Link::new(by_name)).await.unwrap(), 2);

    let other_name = at("127.0.0.1").tls(trusted().server_name("redis.example"));
    let error = increment(&Link::new(other_name)).await.unwrap_err();
    assert!(error.is_transient() && chain(&error).contains("certificate"), "{}", chain(&error));
}

#[tokio::test]
async fn tls_with_another_authority_is_refused() {
    let server = RedisServer::builder().tls().start().unwrap();
    let other = RedisServer::builder().tls().start().unwrap();
    let address = format!("rediss://{}", server.tls_addr());
    let wrong = RedisTls::new().authorities_file(other.authority()).unwrap();
    for options in [RedisOptions::parse(&address).unwrap().tls(wrong), RedisOptions::parse(&address).unwrap()]
    {
        let error = increment(&Link::new(options)).await.unwrap_err();
        assert!(error.is_transient() && chain(&error).contains("certificate"), "{}", chain(&error));
    }
    assert!(RedisTls::new().authorities_file(server.directory().join("missing.pem")).is_err());
}

#[tokio::test]
async fn acl_user_by_uri_and_by_option() {
    let server = RedisServer::builder().user("app", "p@ss/word", "~* &* +@all").start().unwrap();
    let addr = server.addr();
    let by_uri = RedisOptions::parse(&format!("redis://app:p%40ss%2Fword@{addr}")).unwrap();
    let by_option = options(&server).username("app").password("p@ss/word");
    for options in [by_uri, by_option] {
        let who = Link::new(options).command("ask", Command::new("ACL").arg("WHOAMI")).await.unwrap();
        assert_eq!(who.into_bytes("ask").unwrap().unwrap(), "app");
    }
}

#[tokio::test]
async fn wrong_password_is_a_lasting_error_that_names_the_user_and_not_the_password() {
    let server = RedisServer::builder().password("right").user("app", "right", "~* +@all").start().unwrap();
    for (options, user) in [
        (options(&server).username("app").password("hidden"), "app"),
        (options(&server).password("hidden"), "default"),
        (RedisOptions::parse(&server.addr().to_string()).unwrap(), "default"),
    ] {
        let error = ping(&Link::new(options)).await.unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(error.is_transient(), "{text}");
        assert!(text.contains(&format!("user {user} in")) && !text.contains("hidden"), "{text}");
    }
    assert!(ping(&link(&server)).await.is_ok());
}

#[tokio::test]
async fn user_without_rights_hears_so() {
    let server = RedisServer::builder().user("reader", "pw", "~* +get").start().unwrap();
    let link = Link::new(options(&server).username("reader").password("pw"));
    let error = increment(&link).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }) && chain(&error).contains("NoPerm"), "{}", chain(&error));
    link.command("read", Command::new("GET").arg("counter")).await.unwrap();
}

#[tokio::test]
async fn dial_timeout_bounds_a_connection_that_never_answers() {
    let server = RedisServer::start().unwrap();
    let proxy = ChaosProxy::start(server.addr()).await.unwrap();
    proxy.stall().await;
    let options = RedisOptions::parse(&proxy.addr().to_string()).unwrap().dial_timeout(SHORT);
    let started = Instant::now();
    let error = ping(&Link::new(options)).await.unwrap_err();
    assert!(error.is_transient() && chain(&error).contains("200ms"), "{}", chain(&error));
    assert!(started.elapsed() >= SHORT);
}

#[tokio::test]
async fn read_timeout_bounds_an_answer_and_the_next_call_gets_another_connection() {
    let server = RedisServer::start().unwrap();
    let link = Link::new(options(&server).read_timeout(SHORT));
    increment(&link).await.unwrap();
    server.pause();
    let error = increment(&link).await.unwrap_err();
    assert!(error.is_transient(), "{}", chain(&error));
    server.resume();
    let counted = crate::kit::eventually(async || increment(&link).await).await;
    // The one whose answer was lost may have counted; none counted twice.
    assert!((2..=4).contains(&counted), "{counted}");
}

#[tokio::test]
async fn pool_has_the_size_that_was_asked_for_and_names_itself() {
    let server = RedisServer::start().unwrap();
    let link = Link::new(options(&server).pool_size(NonZeroUsize::new(3).unwrap()));
    let ours = || server.command(&["CLIENT", "LIST"]).unwrap().matches("name=aftercommit ").count();
    assert_eq!(ours(), 0);
    crate::kit::eventually(async || {
        ping(&link).await?;
        if ours() == 3 { Ok(()) } else { Err(Error::unavailable("count", "not yet")) }
    })
    .await;
}

#[tokio::test]
async fn server_that_does_not_speak_resp3_is_asked_in_resp2() {
    let server = RedisServer::builder().set("rename-command", "HELLO \"\"").password("pw").start().unwrap();
    assert_eq!(increment(&link(&server)).await.unwrap(), 1);
}
