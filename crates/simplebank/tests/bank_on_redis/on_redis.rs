//! A bank's directory with a Redis beside it.

use crate::home::Home;
use crate::mails::Mail;
use crate::place;
use crate::process::{PATIENCE, Process};
use aftercommit_servers::{AppendFsync, RedisServer};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What the link to Redis says, once each.
pub(crate) const LOST: &str = "redis is not reachable";
pub(crate) const BACK: &str = "redis is reachable again";

/// Several processes have no common signal for what they print, so they are asked again after this long.
const AGAIN: Duration = Duration::from_millis(10);

/// A Redis that keeps its data, as in production.
pub(crate) fn lasting_redis() -> RedisServer {
    RedisServer::builder().append_only(AppendFsync::EverySecond).start().unwrap()
}

impl Home {
    /// A directory whose processes have their tasks on this Redis.
    pub(crate) fn on(redis: &RedisServer) -> Self {
        Self::with(&[("REDIS_ADDRESS", &redis.addr().to_string())])
    }

    /// A directory whose processes have these settings.
    pub(crate) fn with(settings: &[(&'static str, &str)]) -> Self {
        let mut home = place::home();
        home.settings.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        home
    }
}

/// Fails unless these users, and nobody else, have been sent one mail each, and each of them once.
pub(crate) async fn each_mail_left_once(home: &Home, workers: &[&Process], usernames: &[String]) {
    let mails = home.mails();
    let to: BTreeSet<&str> = mails.iter().map(|mail| &*mail.to).collect();
    let users: BTreeSet<String> = usernames.iter().map(|name| crate::home::mailbox_of(name)).collect();
    assert_eq!(to, users.iter().map(|address| &**address).collect());
    let ids: BTreeSet<&str> = mails.iter().map(|mail: &Mail| &*mail.message_id).collect();
    assert_eq!((mails.len(), ids.len()), (usernames.len(), usernames.len()), "{mails:#?}");
    // A mail that is sent again replaces its file, so the log has to be asked, too.
    let handovers = || -> Vec<String> {
        workers.iter().flat_map(|worker| worker.matching("processed task email=")).collect()
    };
    let said = async {
        while handovers().len() < usernames.len() {
            sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, said).await.expect("what is done is said");
    let handovers = handovers();
    assert_eq!(handovers.len(), usernames.len(), "{handovers:#?}");
}

/// Names of so many users.
pub(crate) fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}")).collect()
}
