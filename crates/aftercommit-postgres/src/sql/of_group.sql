-- The end of a list: aggregating tasks of one group that are in no batch, oldest first.
-- $1 the queue   $2 how many at most   $3 how many to pass over   $4 the group
 WHERE t.queue = $1 AND t.state = 1 AND t.batch IS NULL AND t.group_name = $4
 ORDER BY t.batch, t.at, t.pos LIMIT $2 OFFSET $3
