//! Check 10, what takes long of it: an aggregator dies with the tasks of a group in its hands, and the other side puts them
//! back when their two minutes are over.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aftercommit::{Client, RawTask, TaskType};
use aftercommit_interop::effects;
use aftercommit_interop::{Config, GoClient, GoInspector, Groups, Options, Task};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ground::{Ground, Raw, hasty, until, within};
use crate::report;

pub(crate) const QUEUE: &str = "ten";
pub(crate) const GROUP: &str = "mails:de";
pub(crate) const MEMBERS: [&str; 3] = ["one", "two", "three"];
/// How long a set belongs to its aggregator, and the others to look.
const UNTIL_PUT_BACK: Duration = Duration::from_secs(150);

/// A worker that aggregates as soon as nothing has come for a second.
pub(crate) fn aggregating() -> Config {
    let groups = Groups { grace_ms: 1_000, retention_ms: 3_600_000, ..Groups::default() };
    Config { groups: Some(groups), ..hasty([QUEUE]) }
}

pub(crate) fn hanging() -> Config {
    let groups = Groups { grace_ms: 1_000, hangs: true, ..Groups::default() };
    Config { groups: Some(groups), ..hasty([QUEUE]) }
}

pub(crate) async fn we_put_back_what_a_dead_aggregator_of_go_held() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    enqueue_by_go(&mut GoClient::start(&ground.redis(0)).await.unwrap(), &MEMBERS).await;
    let worker = ground.go(0, &hanging(), "effects").await;
    is_held(&raw).await;
    worker.kill().await.unwrap();

    let worker = ground.rust(0, &aggregating(), "effects").await;
    is_put_back(&raw).await;
    let members = aggregated(&ground.effects("effects"), 1).await;
    assert_eq!(members, [MEMBERS.map(str::to_owned).into()], "each once");
    nothing_is_left(&raw).await;
    worker.stop().await.unwrap();
    report::passed("10", "a dead aggregator of Go's, Rust", 1, "put back, listed again, aggregated once");
}

pub(crate) async fn go_puts_back_what_a_dead_aggregator_of_ours_held() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    let client = ground.client(0);
    for member in MEMBERS {
        enqueue(&client, member).await;
    }
    let worker = ground.rust(0, &hanging(), "effects").await;
    is_held(&raw).await;
    worker.kill().await.unwrap();
    // Until then a worker of Go would only wait for its next look, a minute later.
    within(UNTIL_PUT_BACK, "the end of the two minutes", async || {
        let now = raw.text(&["TIME"]).await.into_list("look").unwrap().remove(0);
        let now = String::from_utf8(now.into_bytes("look").unwrap().unwrap().into()).unwrap();
        (raw.int(&["ZCOUNT", &key("aggregation_sets"), "-inf", &now]).await == 1).then_some(())
    })
    .await;

    let worker = ground.go(0, &aggregating(), "effects").await;
    is_put_back(&raw).await;
    // asynq does not list the group again, and there is nobody of ours to do so. Whoever adds to it does, and then Go takes
    // all of it.
    let mut inspector = GoInspector::start(&ground.redis(0)).await.unwrap();
    assert_eq!(inspector.groups(QUEUE).await.unwrap(), []);
    enqueue(&client, "four").await;
    let members = aggregated(&ground.effects("effects"), 1).await;
    assert_eq!(members, [["one", "two", "three", "four"].map(str::to_owned).into()], "each once");
    nothing_is_left(&raw).await;
    worker.stop().await.unwrap();
    report::passed(
        "10",
        "a dead aggregator of ours, Go",
        1,
        "put back by Go, aggregated once when another comes",
    );
}

pub(crate) async fn enqueue_by_go(client: &mut GoClient, members: &[&str]) {
    for member in members {
        let options = Options {
            id: Some((*member).to_owned()),
            queue: Some(QUEUE.to_owned()),
            group: Some(GROUP.to_owned()),
            unique_ms: Some(3_600_000),
            ..Options::default()
        };
        client.enqueue(&Task::new("ok:member", *member).with(options)).await.unwrap();
    }
}

pub(crate) async fn enqueue(client: &Client, member: &'static str) {
    let task = RawTask { task_type: TaskType::new("ok:member").unwrap(), payload: member.into() };
    let request = client.enqueue_raw(task).queue(QUEUE).id(member).group(GROUP);
    request.unique_for(Duration::from_secs(3_600)).await.unwrap();
}

fn key(name: &str) -> String {
    format!("asynq:{{{QUEUE}}}:{name}")
}

pub(crate) async fn is_held(raw: &Raw) {
    until("the tasks to be in an aggregator's hands", async || {
        (raw.int(&["ZCARD", &key("aggregation_sets")]).await == 1).then_some(())
    })
    .await;
    assert_eq!(raw.int(&["EXISTS", &key("g:mails:de")]).await, 0);
}

pub(crate) async fn is_put_back(raw: &Raw) {
    within(UNTIL_PUT_BACK, "the tasks to be put back", async || {
        (raw.int(&["ZCARD", &key("aggregation_sets")]).await == 0).then_some(())
    })
    .await;
}

/// Waits until so many groups have been aggregated, and answers the members of each.
pub(crate) async fn aggregated(log: &Path, count: usize) -> Vec<BTreeSet<String>> {
    #[derive(serde::Deserialize)]
    struct Member {
        payload: String,
    }
    let payloads = until("the groups to be aggregated", async || {
        let payloads: Vec<Vec<u8>> =
            effects::read(log).unwrap().into_iter().filter_map(|effect| effect.payload).collect();
        (payloads.len() >= count).then_some(payloads)
    })
    .await;
    let members = |payload: Vec<u8>| {
        let members: Vec<Member> = serde_json::from_slice(&payload).unwrap();
        let names = members.into_iter().map(|member| STANDARD.decode(member.payload).unwrap());
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    };
    payloads.into_iter().map(members).collect()
}

/// Waits until of the groups, their sets and their tasks nothing is left.
pub(crate) async fn nothing_is_left(raw: &Raw) {
    until("nothing to be left of the group", async || {
        let mut left =
            raw.int(&["EXISTS", &key("g:mails:de"), &key("aggregation_sets"), &key("active")]).await;
        for member in MEMBERS {
            left += raw.int(&["EXISTS", &key(&format!("t:{member}"))]).await;
        }
        (left == 0).then_some(())
    })
    .await;
}
