//! Check 10, what is quick of it: groups that one side fills and the other empties.

use std::collections::BTreeSet;
use std::time::Duration;

use aftercommit::Groups as _;
use aftercommit_interop::{GoClient, GoInspector, GroupInfo};

use crate::ground::{Ground, hasty, queue, until};
use crate::report;
use crate::stuck_groups::{
    GROUP, MEMBERS, QUEUE, aggregated, aggregating, enqueue, enqueue_by_go, hanging, is_held, is_put_back,
    nothing_is_left,
};

#[tokio::test]
async fn groups_that_one_side_fills_the_other_empties() {
    let ground = Ground::new();
    let (raw, redis, ours) = (ground.raw(0), ground.redis(0), ground.client(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut theirs = GoInspector::start(&redis).await.unwrap();
    for (filled_by_go, name) in [(true, "rust"), (false, "go")] {
        if filled_by_go {
            enqueue_by_go(&mut client, &MEMBERS).await;
        } else {
            for member in MEMBERS {
                enqueue(&ours, member).await;
            }
        }
        let group = GroupInfo { group: GROUP.to_owned(), size: 3 };
        assert_eq!(theirs.groups(QUEUE).await.unwrap(), [group]);
        let listed = ground.inspector(0).groups().unwrap().groups(&queue(QUEUE)).await.unwrap();
        assert_eq!(
            listed.iter().map(|group| (group.group.as_str(), group.size)).collect::<Vec<_>>(),
            [(GROUP, 3)]
        );
        let config = aggregating();
        let worker = if filled_by_go {
            ground.rust(0, &config, name).await
        } else {
            ground.go(0, &config, name).await
        };
        assert_eq!(aggregated(&ground.effects(name), 1).await, [BTreeSet::from(MEMBERS.map(str::to_owned))]);
        nothing_is_left(&raw).await;
        worker.stop().await.unwrap();
        // Ours frees the locks of what was aggregated; Go's leaves them to their time.
        let locks = raw.text(&["KEYS", "asynq:{ten}:unique:*"]).await.into_list("look").unwrap().len();
        assert_eq!(locks, if filled_by_go { 0 } else { MEMBERS.len() });
        raw.text(&["FLUSHALL"]).await;
        raw.text(&["SADD", "asynq:queues", QUEUE]).await;
    }
    report::passed(
        "10",
        "groups, both ways",
        2,
        "one task of all members; ours frees their locks, Go's does not",
    );
}

#[tokio::test]
async fn groups_that_both_sides_fill_and_empty_lose_and_repeat_nothing() {
    const ADDED: usize = 200;
    let ground = Ground::new();
    let (raw, redis, ours) = (ground.raw(0), ground.redis(0), ground.client(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let workers =
        [ground.go(0, &aggregating(), "effects").await, ground.rust(0, &aggregating(), "effects").await];
    let mut expected = BTreeSet::new();
    for number in 0..ADDED {
        let member: &'static str = format!("member-{number}").leak();
        expected.insert(member.to_owned());
        if number % 2 == 0 {
            enqueue_by_go(&mut client, &[member]).await;
        } else {
            enqueue(&ours, member).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut seen = Vec::new();
    until("every member to be aggregated", async || {
        seen = aggregated(&ground.effects("effects"), 1).await;
        (seen.iter().map(BTreeSet::len).sum::<usize>() >= ADDED).then_some(())
    })
    .await;
    assert_eq!(seen.iter().map(BTreeSet::len).sum::<usize>(), ADDED, "each once");
    assert_eq!(seen.into_iter().flatten().collect::<BTreeSet<_>>(), expected);
    nothing_is_left(&raw).await;
    for worker in workers {
        worker.stop().await.unwrap();
    }
    report::passed("10", "groups, mixed fleet", ADDED, "each member in one aggregated task");
}

#[tokio::test]
async fn a_group_that_go_puts_back_is_listed_again() {
    let ground = Ground::new();
    let (raw, backend) = (ground.raw(0), ground.backend(0));
    enqueue_by_go(&mut GoClient::start(&ground.redis(0)).await.unwrap(), &MEMBERS).await;
    let worker = ground.go(0, &hanging(), "effects").await;
    is_held(&raw).await;
    worker.kill().await.unwrap();
    let look = async || backend.reclaim(&[queue(QUEUE)], 10).await.unwrap();
    assert_eq!(look().await, 0, "it is held");
    // As if its two minutes were over: of the live workers only Go's comes to see it.
    let set = raw
        .text(&["ZRANGE", "asynq:{ten}:aggregation_sets", "0", "-1"])
        .await
        .into_list("look")
        .unwrap()
        .remove(0);
    let set = set.into_bytes("look").unwrap().unwrap();
    raw.ask(&[b"ZADD", b"asynq:{ten}:aggregation_sets", b"1700000000", &set]).await;
    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    is_put_back(&raw).await;
    worker.stop().await.unwrap();
    let mut theirs = GoInspector::start(&ground.redis(0)).await.unwrap();
    assert_eq!(theirs.groups(QUEUE).await.unwrap(), [], "asynq does not list it");
    assert_eq!(look().await, 0, "there is nothing to put back");
    assert_eq!(theirs.groups(QUEUE).await.unwrap(), [GroupInfo { group: GROUP.to_owned(), size: 3 }]);
    look().await;
    assert_eq!(raw.int(&["EXISTS", "asynq:{ten}:x:held"]).await, 0);
    report::passed("10", "a group that Go puts back", 1, "listed again by ours");
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_archived_and_stops_nobody() {
    const GARBAGE: &[u8] = b"\xff\xfe this is no message";
    let ground = Ground::new();
    let (raw, redis) = (ground.raw(0), ground.redis(0));
    enqueue_by_go(&mut GoClient::start(&redis).await.unwrap(), &MEMBERS).await;
    raw.ask(&[
        b"HSET",
        b"asynq:{ten}:t:poison",
        b"msg",
        GARBAGE,
        b"state",
        b"aggregating",
        b"group",
        GROUP.as_bytes(),
    ])
    .await;
    raw.ask(&[b"ZADD", b"asynq:{ten}:g:mails:de", b"1700000000", b"poison"]).await;
    let worker = ground.rust(0, &aggregating(), "effects").await;
    assert_eq!(aggregated(&ground.effects("effects"), 1).await, [BTreeSet::from(MEMBERS.map(str::to_owned))]);
    nothing_is_left(&raw).await;
    raw.reaches(QUEUE, "poison", "archived").await;
    let mut theirs = GoInspector::start(&redis).await.unwrap();
    let info = theirs.task(QUEUE, "poison").await.unwrap().unwrap();
    assert!(info.last_err.contains("cannot be decoded"), "{}", info.last_err);
    let bytes = raw.text(&["HGET", "asynq:{ten}:t:poison", "x_raw"]).await.into_bytes("look").unwrap();
    assert_eq!(bytes.as_deref(), Some(GARBAGE), "nothing is thrown away");
    worker.stop().await.unwrap();
    report::passed(
        "10",
        "a member that cannot be read",
        1,
        "archived with the reason; the others are aggregated",
    );
}
