-- No transition: a page of the rows in a state, oldest first.
-- ?1 how many at most   ?2 how many are passed over
SELECT seq, queue, id, task_type, enqueued_at, published_at, attempts, losses, error
  FROM aftercommit_outbox
