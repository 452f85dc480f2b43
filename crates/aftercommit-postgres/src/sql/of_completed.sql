-- The end of a list: completed tasks, oldest first.
-- $1 the queue   $2 how many at most   $3 how many to pass over
 WHERE t.queue = $1 AND t.state = 7 ORDER BY t.ended_at, t.seq LIMIT $2 OFFSET $3
