//! TLS, a user and a password, by the keys of the configuration; and what happens if they are wrong. No secret is
//! ever printed.

use crate::home::Home;
use crate::on_redis::{BACK, LOST, each_mail_left_once, users};
use crate::process::PATIENCE;
use aftercommit_servers::RedisServer;
use reqwest::StatusCode;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;

const RIGHT: &str = "swordfish-right";
const WRONG: &str = "opensesame-wrong";
/// Redis has nobody to wake for having refused a login, so it is asked again after this long.
const AGAIN: Duration = Duration::from_millis(200);
/// Attempts to log in of which all but the first must be silent.
const ATTEMPTS: u64 = 3;

fn redis() -> RedisServer {
    RedisServer::builder().tls().user("bank", RIGHT, "~* &* +@all").start().unwrap()
}

/// How many connections Redis has ever been asked for, this question included.
fn connections(redis: &RedisServer) -> u64 {
    let stats = redis.command(&["INFO", "stats"]).unwrap();
    let count = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().trim().parse().unwrap()
}

/// The part of a line before its fields: who was refused, and while doing what.
fn without_error(line: &str) -> String {
    let (_, words) = line.split_once(" ERR ").unwrap();
    words.split(" error=").next().unwrap().to_owned()
}

fn nothing_secret_in(log: &str) {
    for secret in [RIGHT, WRONG] {
        assert!(!log.contains(secret), "{secret:?} is printed:\n{log}");
    }
}

#[tokio::test]
async fn tls_with_a_user_and_a_password_by_keys_and_by_uri() {
    let redis = redis();
    let (address, authority) = (redis.tls_addr().to_string(), redis.authority().display().to_string());
    let uri = format!("rediss://bank:{RIGHT}@localhost:{}/3", redis.tls_addr().port());
    let by_keys = [
        ("REDIS_ADDRESS", &*address),
        ("REDIS_USERNAME", "bank"),
        ("REDIS_PASSWORD", RIGHT),
        ("REDIS_DB", "2"),
        ("REDIS_TLS_CA", &authority),
        ("LOG_LEVEL", "trace"),
    ];
    let by_uri = [("REDIS_ADDRESS", &*uri), ("REDIS_TLS_CA", &*authority), ("LOG_LEVEL", "trace")];
    for (settings, keyspace) in [(&by_keys[..], "db2:"), (&by_uri[..], "db3:")] {
        let home = Home::with(settings);
        let bank = home.bank(&[]).await;
        assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
        bank.line("processed task").await;
        each_mail_left_once(&home, &[&bank], &["alice10".to_owned()]).await;
        nothing_secret_in(&bank.into_process().stop().await.printed());
        assert!(redis.command(&["INFO", "keyspace"]).unwrap().contains(keyspace));
    }
}

#[tokio::test]
async fn bank_with_a_wrong_password_takes_sign_ups_and_sends_each_mail_once_it_is_put_right() {
    let redis = redis();
    let home = Home::with(&[
        ("REDIS_ADDRESS", &redis.addr().to_string()),
        ("REDIS_USERNAME", "bank"),
        ("REDIS_PASSWORD", WRONG),
        ("LOG_LEVEL", "debug"),
    ]);
    let bank = home.bank(&[]).await;
    let said = bank.line(LOST).await;
    assert!(said.contains("does not let user bank in"), "{said}");
    let everybody = users(12);
    for username in &everybody {
        assert_eq!(bank.sign_up(username).await.0, StatusCode::OK);
    }
    // More attempts than one, each of which would be a line if it were said.
    let (before, mut asked) = (connections(&redis), 1);
    let more = async {
        while connections(&redis) < before + asked + ATTEMPTS {
            asked += 1;
            tokio::time::sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, more).await.expect("it keeps trying");
    assert_eq!(bank.matching(LOST).len(), 1, "{}", bank.log());
    // The worker says once of each kind of call that it is refused.
    let refused: Vec<String> = bank.matching(" ERR ").iter().map(|line| without_error(line)).collect();
    let different: BTreeSet<&String> = refused.iter().collect();
    assert_eq!(refused.len(), different.len(), "{refused:#?}");

    // An operator gives the user the password that the bank has.
    redis.command(&["ACL", "SETUSER", "bank", &format!(">{WRONG}")]).unwrap();
    bank.lines("processed task email=", everybody.len()).await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
    assert_eq!(bank.matching(BACK).len(), 1, "{}", bank.log());
    nothing_secret_in(&bank.into_process().stop().await.printed());
}

#[tokio::test]
async fn authority_that_is_not_trusted_is_an_outage_and_a_file_that_is_not_there_a_fault() {
    let redis = redis();
    let home = Home::with(&[("REDIS_ADDRESS", &format!("rediss://localhost:{}", redis.tls_addr().port()))]);
    let bank = home.bank(&[]).await;
    assert!(bank.line(LOST).await.contains("cannot agree on TLS with redis"), "{}", bank.log());
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);

    let ended = home.run(&["worker"], &[("REDIS_TLS_CA", "nowhere.pem")]).ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.printed().contains("REDIS_TLS_CA") && ended.printed().contains("nowhere.pem"), "{ended:?}");
}
