//! Enqueue in the caller's own transaction: the task exists exactly if that transaction commits.

use std::fmt;

use aftercommit_core::{
    BoxFuture, Enqueue, EnqueueRequest, EnqueueSink, Enqueued, NewTask, RawTask, Result, Task,
};
use sqlx::SqliteConnection;

use crate::SqliteQueue;
use crate::enqueue::enqueue;

impl SqliteQueue {
    /// Stores a task in the transaction that `conn` is in: a [`SqliteTx`](crate::SqliteTx), any
    /// transaction of sqlx, or a savepoint. Set options, then await.
    ///
    /// The task's row is written and nothing else is done. No worker sees it before the commit is on the
    /// disk; if the transaction rolls back, or never ends, the task and its unique lock never existed;
    /// once it has committed, the task runs even if this process dies at that moment. A refused task
    /// ([`IdConflict`](aftercommit_core::Error::IdConflict), [`Duplicate`](aftercommit_core::Error::Duplicate))
    /// leaves nothing behind, and the transaction goes on.
    ///
    /// A transaction of the host's own making must begin with `BEGIN IMMEDIATE`, and should be followed
    /// by [`wake`](Self::wake).
    ///
    /// ```
    /// use aftercommit_core::Task;
    /// use aftercommit_sqlite::SqliteQueue;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct SendVerifyEmail {
    ///     username: String,
    /// }
    ///
    /// impl Task for SendVerifyEmail {
    ///     const TYPE: &'static str = "task:send_verify_email";
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.db");
    /// let queue = SqliteQueue::open(path).await?;
    /// queue.migrate().await?;
    /// # sqlx::raw_sql("CREATE TABLE users (name TEXT)").execute(&queue.pools().writer).await?;
    ///
    /// let mut tx = queue.begin().await?;
    /// sqlx::query("INSERT INTO users (name) VALUES (?1)").bind("alice").execute(&mut *tx).await?;
    /// let task = SendVerifyEmail { username: "alice".into() };
    /// queue.enqueue_in(&mut tx, &task).queue("critical").max_retry(10).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_in<'a, T: Task>(
        &'a self,
        conn: &'a mut SqliteConnection,
        task: &T,
    ) -> EnqueueRequest<'a, SqliteSink<'a>> {
        EnqueueRequest::new(NewTask::of(task), SqliteSink { queue: self, conn })
    }

    /// As [`enqueue_in`](Self::enqueue_in), for a task without a payload type.
    pub fn enqueue_raw_in<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
        task: RawTask,
    ) -> EnqueueRequest<'a, SqliteSink<'a>> {
        EnqueueRequest::new(Ok(task.into()), SqliteSink { queue: self, conn })
    }

    /// As [`enqueue_in`](Self::enqueue_in), for many tasks at once and with one statement. Answers for
    /// each task; a refused one does not keep the others out.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; then the caller should roll back.
    pub async fn enqueue_batch_in(
        &self,
        conn: &mut SqliteConnection,
        tasks: Vec<NewTask>,
    ) -> Result<Vec<Result<Enqueued>>> {
        let now = self.now();
        let resolved: Vec<Result<Enqueue>> =
            tasks.into_iter().map(|task| task.resolve(&self.defaults, now)).collect();
        let usable: Vec<Enqueue> = resolved.iter().filter_map(|task| task.as_ref().ok()).cloned().collect();
        let mut answers = enqueue(conn, &usable, now).await?.into_iter();
        let answer = |task: Result<Enqueue>| {
            let task = task?;
            match answers.next().unwrap_or(Ok(())) {
                Ok(()) => Ok(Enqueued::from(&task)),
                Err(refusal) => Err(refusal.into_error(&task.message)),
            }
        };
        Ok(resolved.into_iter().map(answer).collect())
    }
}

/// The end of an [`EnqueueRequest`] in a transaction.
pub struct SqliteSink<'a> {
    queue: &'a SqliteQueue,
    conn: &'a mut SqliteConnection,
}

impl<'a> EnqueueSink<'a> for SqliteSink<'a> {
    fn accept(self, task: NewTask) -> BoxFuture<'a, Result<Enqueued>> {
        Box::pin(async move {
            let now = self.queue.now();
            let task = task.resolve(&self.queue.defaults, now)?;
            match enqueue(self.conn, std::slice::from_ref(&task), now).await?.first() {
                Some(Err(refusal)) => Err(refusal.into_error(&task.message)),
                _ => Ok(Enqueued::from(&task)),
            }
        })
    }
}

impl fmt::Debug for SqliteSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSink").field("queue", &self.queue).finish_non_exhaustive()
    }
}
