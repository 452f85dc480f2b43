//! Producers: one that must be answered, and one that insists.

use std::collections::BTreeSet;
use std::time::Duration;

use aftercommit::{Client, Error, NewTask, Options};
use tokio::task::JoinHandle;

use super::{Job, Rig};
use crate::audit::What;
use crate::store::LOOK_AGAIN;

/// How long finished tasks are kept where they are: an id that a producer tries again is still taken then.
const RETENTION: Duration = Duration::from_secs(3_600);

impl Rig {
    /// Stores tasks, and sees that they are acknowledged. Every other one is kept for a while when it is done.
    pub(crate) async fn enqueue(&self, count: usize, job: Job) -> BTreeSet<String> {
        let ids: Vec<String> = (0..count).map(|_| self.next_id()).collect();
        for some in ids.chunks(500) {
            let tasks = some.iter().enumerate().map(|(index, id)| {
                let retention = if index % 2 == 0 { RETENTION } else { Duration::ZERO };
                NewTask::of(&job).unwrap().with(Options::new().id(id.as_str()).retention(retention))
            });
            let answers = self.client.enqueue_batch(tasks).await.unwrap();
            for (id, answer) in some.iter().zip(answers) {
                answer.unwrap();
                self.ledger.note(id, What::Acknowledged);
            }
        }
        ids.into_iter().collect()
    }

    /// A producer that stores tasks one after the other, and tries each until it knows that it is stored.
    pub(crate) fn produce(&self, count: usize, pause: Duration) -> JoinHandle<()> {
        let (client, ledger) = (self.client.clone(), self.ledger.clone());
        let ids: Vec<String> = (0..count).map(|_| self.next_id()).collect();
        tokio::spawn(async move {
            for id in ids {
                insist(&client, &id).await;
                ledger.note(&id, What::Acknowledged);
                tokio::time::sleep(pause).await;
            }
        })
    }
}

/// Stores a task as a careful producer does: under an id of its own, again and again while nothing is known.
async fn insist(client: &Client, id: &str) {
    loop {
        match client.enqueue(&Job::Short).id(id).retention(RETENTION).await {
            Ok(_) | Err(Error::IdConflict { .. }) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
