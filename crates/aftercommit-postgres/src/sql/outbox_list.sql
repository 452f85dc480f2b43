-- No transition: a page of the rows in some states, oldest first.
-- $1 states   $2 how many at most   $3 how many are passed over
SELECT seq, queue, id, task_type, enqueued_at, published_at, attempts, losses, error
  FROM aftercommit.outbox
 WHERE state = ANY ($1)
 ORDER BY seq LIMIT $2 OFFSET $3
