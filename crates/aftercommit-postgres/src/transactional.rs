//! Enqueue in the caller's own transaction: the task exists exactly if that transaction commits.

use aftercommit_core::{EnqueueRequest, Enqueued, NewTask, RawTask, Result, Task};
use sqlx::PgConnection;

use crate::sink::Target;
use crate::{PostgresQueue, PostgresSink};

impl PostgresQueue {
    /// Stores a task in the transaction that `conn` is in: a [`PostgresTx`](crate::PostgresTx), any
    /// transaction of sqlx, or a savepoint. Set options, then await.
    ///
    /// The task's row is written and nothing else is done. No worker sees it before the commit is on the
    /// disk; if the transaction rolls back, or never ends, the task and its unique lock never existed;
    /// once it has committed, the task runs even if this process dies at that moment. A refused task
    /// ([`IdConflict`](aftercommit_core::Error::IdConflict), [`Duplicate`](aftercommit_core::Error::Duplicate))
    /// leaves nothing behind, and the transaction goes on.
    ///
    /// A commit of the host's own making should be followed by [`wake`](Self::wake).
    ///
    /// ```no_run
    /// use aftercommit_core::Task;
    /// use aftercommit_postgres::{PostgresOptions, PostgresQueue};
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
    /// let url = "postgresql://localhost/app";
    /// let pool = sqlx::PgPool::connect(url).await?;
    /// let queue = PostgresQueue::new(&PostgresOptions::parse(url)?);
    /// queue.migrate().await?;
    ///
    /// let mut tx = queue.begin(&pool).await?;
    /// sqlx::query("INSERT INTO users (name) VALUES ($1)").bind("alice").execute(&mut *tx).await?;
    /// let task = SendVerifyEmail { username: "alice".into() };
    /// queue.enqueue_in(&mut tx, &task).queue("critical").max_retry(10).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_in<'a, T: Task>(
        &'a self,
        conn: &'a mut PgConnection,
        task: &T,
    ) -> EnqueueRequest<'a, PostgresSink<'a>> {
        EnqueueRequest::new(NewTask::of(task), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for a task without a payload type.
    pub fn enqueue_raw_in<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        task: RawTask,
    ) -> EnqueueRequest<'a, PostgresSink<'a>> {
        EnqueueRequest::new(Ok(task.into()), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for many tasks at once and with one statement. Answers for
    /// each task; a refused one does not keep the others out.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; then the caller should roll back.
    pub async fn enqueue_batch_in(
        &self,
        conn: &mut PgConnection,
        tasks: Vec<NewTask>,
    ) -> Result<Vec<Result<Enqueued>>> {
        self.sink(conn).accept_all(tasks).await
    }

    fn sink<'a>(&'a self, conn: &'a mut PgConnection) -> PostgresSink<'a> {
        PostgresSink { store: &self.store, target: Target::Queue, on: self.store.on(conn) }
    }
}
