-- The end of a list: scheduled tasks, by due time.
-- $1 the queue   $2 how many at most   $3 how many to pass over
 WHERE t.queue = $1 AND t.state > 3 AND t.state = 4 ORDER BY t.at, t.seq LIMIT $2 OFFSET $3
