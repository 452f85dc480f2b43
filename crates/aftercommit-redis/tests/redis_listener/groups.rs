//! Who waits for groups.

use aftercommit_core::Wake;

use crate::kit::{Stage, hint, waiting, woken};

#[tokio::test]
async fn new_group_and_more_in_a_known_one_wake() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Groups);
    hint(&mut wakes).await;
    let sleeper = waiting(wakes);
    stage.until_armed(1).await;
    stage.run("ZADD asynq:{q}:g:one 1 a").await;
    assert!(!sleeper.is_finished(), "a group that is not listed is not looked for");
    stage.run("SADD asynq:{q}:groups one").await;
    let sleeper = waiting(woken(sleeper).await);
    stage.until_armed(2).await;
    assert!(!sleeper.is_finished());
    stage.run("ZADD asynq:{q}:g:one 2 b").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn of_too_many_groups_hints_come_all_the_same() {
    let stage = Stage::listening().await;
    for i in 0..150 {
        stage.run(&format!("SADD asynq:{{q}}:groups {i}")).await;
    }
    let mut wakes = stage.wakes(Wake::Groups);
    hint(&mut wakes).await;
    hint(&mut wakes).await;
    assert_eq!(stage.calls("zcard").await, 0);
}

#[tokio::test]
async fn group_with_a_name_that_is_no_text_is_watched() {
    use aftercommit_redis::internals::Command;
    let stage = Stage::listening().await;
    let add = Command::new("SADD").arg("asynq:{q}:groups").arg(b"\xff");
    stage.other.command("add", add).await.unwrap();
    let mut wakes = stage.wakes(Wake::Groups);
    hint(&mut wakes).await;
    let sleeper = waiting(wakes);
    stage.until_armed(2).await;
    let add = Command::new("ZADD").arg(b"asynq:{q}:g:\xff").number(1).arg("a");
    stage.other.command("add", add).await.unwrap();
    drop(woken(sleeper).await);
}
