//! Roles: processes that serve, relay and work on one file and one Redis.

use crate::database::Database;
use crate::home::Home;
use crate::on_redis::{each_mail_left_once, lasting_redis, users};
use reqwest::StatusCode;
use rustix::process::Signal;

#[tokio::test]
async fn server_publishes_what_it_commits_and_a_worker_elsewhere_takes_it() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    let server = home.serve(&[]).await;
    let workers = [home.worker(&[]).await, home.worker(&[]).await];
    let everybody = users(40);
    for username in &everybody {
        assert_eq!(server.sign_up(username).await.0, StatusCode::OK);
    }
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    assert_eq!(server.matching("processed task"), [""; 0]);
    each_mail_left_once(&home, &[&workers[0], &workers[1]], &everybody).await;
}

#[tokio::test]
async fn relay_alone_publishes_what_a_server_left_behind() {
    let mut redis = lasting_redis();
    redis.stop().unwrap();
    let home = Home::on(&redis);
    let server = home.serve(&[]).await;
    assert_eq!(server.sign_up("alice10").await.0, StatusCode::OK);
    server.signal(Signal::KILL);
    server.into_process().ended().await;
    redis.start_again().unwrap();

    let relay = home.run(&["relay"], &[]);
    relay.line("Starting relay").await;
    let worker = home.worker(&[]).await;
    worker.line("processed task").await;
    each_mail_left_once(&home, &[&worker], &["alice10".to_owned()]).await;
    let ended = relay.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(
        ended.printed().contains("task relay is stopped") && !ended.printed().contains("server"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn stop_publishes_what_the_last_request_committed() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    // The request is answered after the signal, and commits just before.
    let server = home.serve(&[("FAILPOINTS", "create_user.before_commit=delay(1s)")]).await;
    let request = tokio::spawn(crate::home::answer(server.create_user("alice10")));
    server.line("point=create_user.before_commit").await;
    let ended = server.into_process().stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(request.await.unwrap().unwrap().0, StatusCode::OK);
    let database = Database::open(&home).await;
    assert_eq!(database.unpublished().await, 0, "{}", ended.printed());
    database.close().await;
    assert_eq!(redis.command(&["LLEN", "asynq:{critical}:pending"]).unwrap(), "1");
}

#[tokio::test]
async fn several_relays_of_which_one_dies_publish_each_task_once() {
    let mut redis = lasting_redis();
    redis.stop().unwrap();
    let home = Home::on(&redis);
    let everybody = users(60);
    let (before, after) = everybody.split_at(30);
    let server = home.serve(&[]).await;
    for username in before {
        assert_eq!(server.sign_up(username).await.0, StatusCode::OK);
    }
    server.signal(Signal::KILL);
    server.into_process().ended().await;
    redis.start_again().unwrap();
    let dead = home.run(&["relay"], &[("FAILPOINTS", "relay.published=kill")]).ended().await;
    assert_eq!(dead.status.code(), None, "it was killed: {dead:?}");

    let relays = [home.run(&["relay"], &[]), home.run(&["relay"], &[])];
    for relay in &relays {
        relay.line("Starting relay").await;
    }
    let (server, worker) = (home.serve(&[]).await, home.worker(&[]).await);
    for username in after {
        assert_eq!(server.sign_up(username).await.0, StatusCode::OK);
    }
    let database = Database::open(&home).await;
    database.until_idle().await;
    let queue = database.queue().await.expect("there were tasks");
    database.close().await;
    assert_eq!((queue.processed, queue.failed), (60, 0));
    each_mail_left_once(&home, &[&worker], &everybody).await;
}
