//! Redis: one place for each setting, and nothing that is silently dropped.

use super::*;
use aftercommit::redis::{RedisOptions, RedisTls};
use std::num::NonZeroUsize;

fn redis(environment: &[(&str, &str)]) -> Redis {
    good(&[], environment, "").redis.expect("there is an address")
}

/// Options as they print, which is all but the passwords.
fn printed(options: &RedisOptions) -> String {
    format!("{options:?}")
}

#[test]
fn an_address_alone_has_the_usual_limits() {
    assert_eq!(load_with(&[], &[], None).unwrap().redis, None);
    let given = redis(&[("REDIS_ADDRESS", "0.0.0.0:6379")]).options().unwrap();
    let usual = Duration::from_secs(3);
    assert_eq!(printed(&given), printed(&RedisOptions::tcp("0.0.0.0", 6379).read_timeout(usual)));
    let taken_back = good(&[], &[("REDIS_ADDRESS", "")], "REDIS_ADDRESS=0.0.0.0:6379");
    assert_eq!(taken_back.redis, None);
}

#[test]
fn every_setting_reaches_the_options() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "certificates").unwrap();
    let given = redis(&[
        ("REDIS_ADDRESS", "redis.internal:6380"),
        ("REDIS_USERNAME", "bank"),
        ("REDIS_PASSWORD", "hunter2"),
        ("REDIS_DB", "3"),
        ("REDIS_DIAL_TIMEOUT", "2s"),
        ("REDIS_READ_TIMEOUT", "-1"),
        ("REDIS_WRITE_TIMEOUT", "500ms"),
        ("REDIS_POOL_SIZE", "4"),
        ("REDIS_TLS_CA", file.to_str().unwrap()),
    ]);
    let expected = RedisOptions::tcp("redis.internal", 6380)
        .username("bank")
        .password("another")
        .database(3)
        .dial_timeout(Duration::from_secs(2))
        .without_read_timeout()
        .write_timeout(Duration::from_millis(500))
        .pool_size(NonZeroUsize::new(4).unwrap())
        .tls(RedisTls::new().authorities("certificates"));
    assert_eq!(printed(&given.options().unwrap()), printed(&expected));
    assert!(!format!("{given:?}").contains("hunter2"));

    let all_in_one = redis(&[("REDIS_ADDRESS", "redis://bank:hunter2@redis.internal:6380/3")]);
    let expected = RedisOptions::tcp("redis.internal", 6380).username("bank").password("another").database(3);
    assert_eq!(printed(&all_in_one.options().unwrap()), printed(&expected));
    assert!(!format!("{all_in_one:?}").contains("hunter2"));

    std::fs::remove_file(&file).unwrap();
    assert_eq!(given.options().unwrap_err().to_string(), "REDIS_TLS_CA");
}

#[test]
fn what_is_said_twice_is_a_fault_that_names_both_places() {
    let file = "REDIS_ADDRESS=redis://bank:hunter2@h/0\nREDIS_USERNAME=bank\nREDIS_DB=0\n";
    let environment = [("REDIS_PASSWORD", "swordfish"), ("REDIS_TLS_CA", "ca.pem")];
    let expected = [
        "REDIS_USERNAME (app.env:2): REDIS_ADDRESS (app.env:1) has a user, too: give it in one place",
        "REDIS_PASSWORD (environment): REDIS_ADDRESS (app.env:1) has a password, too: give it in one place",
        "REDIS_DB (app.env:3): REDIS_ADDRESS (app.env:1) has a database, too: give it in one place",
        "REDIS_TLS_CA (environment): REDIS_ADDRESS (app.env:1) asks for a connection without TLS: rediss:// is with \
         TLS",
    ];
    assert_eq!(faults(&[], &environment, file), expected);
}

#[test]
fn a_key_completes_what_an_address_leaves_open() {
    for (address, keys) in [
        ("rediss://h", &[("REDIS_TLS_CA", "ca.pem"), ("REDIS_USERNAME", "u"), ("REDIS_PASSWORD", "p")][..]),
        ("rediss://u@h", &[("REDIS_PASSWORD", "p"), ("REDIS_DB", "2")]),
        ("redis-socket:///run/redis.sock", &[("REDIS_DB", "2")]),
        // User and password in such an address are those of the sentinels.
        ("redis-sentinel://g:s@one?master=m", &[("REDIS_PASSWORD", "p"), ("REDIS_TLS_CA", "ca.pem")]),
    ] {
        let given: Vec<_> = [("REDIS_ADDRESS", address)].into_iter().chain(keys.iter().copied()).collect();
        assert_eq!(good(&[], &given, "").notices, Vec::<String>::new(), "{address}");
        redis(&given);
    }
}

#[test]
fn every_fault_is_found_at_once_and_repeats_no_secret() {
    let file = "REDIS_ADDRESS=redis://:hunter2@h:port\nREDIS_DB=first\nREDIS_READ_TIMEOUT=soon\n\
        REDIS_POOL_SIZE=0\nTASK_DELIVERY=post\nREDIS_DIAL_TIMEOUT=-1\n";
    let found = faults(&[], &[], file);
    let start =
        |line: usize, key: &str| assert!(found[line].starts_with(&format!("{key} (app.env:")), "{found:#?}");
    assert_eq!(found[0], "TASK_DELIVERY (app.env:5): expected outbox, direct or direct_no_tx, got \"post\"");
    start(1, "REDIS_ADDRESS");
    assert!(found[1].contains("the port behind a host is no number"), "{found:#?}");
    start(2, "REDIS_DB");
    start(3, "REDIS_DIAL_TIMEOUT");
    start(4, "REDIS_READ_TIMEOUT");
    assert!(found[4].contains("or -1 for no limit, got \"soon\""), "{found:#?}");
    start(5, "REDIS_POOL_SIZE");
    assert_eq!(found.len(), 6, "{found:#?}");
    assert!(!found.join("").contains("hunter2"), "{found:#?}");
}

#[test]
fn settings_without_an_address_are_said_to_be_idle() {
    let config = good(&[], &[("REDIS_PASSWORD", "hunter2")], "REDIS_DB=1");
    let notice = "without effect, because REDIS_ADDRESS is not set: REDIS_PASSWORD (environment), REDIS_DB (app.env:1)";
    assert_eq!((config.redis, config.notices), (None, vec![notice.to_owned()]));
}

#[test]
fn a_relay_needs_somewhere_to_publish_to() {
    let expected =
        ["REDIS_ADDRESS (not set): the relay needs it: without Redis there is nowhere to publish to"];
    assert_eq!(faults(&["relay"], &[], ""), expected);
    let production = [("ENVIRONMENT", "production"), ("REDIS_ADDRESS", "h:1")];
    let config = good(&["relay"], &production, "");
    assert_eq!(
        (config.role, config.notices),
        (Role::Relay, vec![]),
        "it needs no key and no e-mail settings"
    );
}
