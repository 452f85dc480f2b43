-- The end of a list: pending tasks, in the order in which they will run.
-- $1 the queue   $2 how many at most   $3 how many to pass over
 WHERE t.queue = $1 AND t.state = 2 AND t.leased_until = 0 ORDER BY t.pos LIMIT $2 OFFSET $3
