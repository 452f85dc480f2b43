-- The end of a list: aggregating tasks, group by group, in each those in batches first.
-- $1 the queue   $2 how many at most   $3 how many to pass over
 WHERE t.queue = $1 AND t.state = 1
 ORDER BY t.group_name, t.batch IS NULL, t.at, t.pos LIMIT $2 OFFSET $3
