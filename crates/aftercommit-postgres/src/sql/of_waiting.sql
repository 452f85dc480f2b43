-- The end of a list: aggregating tasks that are in no batch, group by group, oldest first.
-- $1 the queue   $2 how many at most   $3 how many to pass over
-- The batch stands in the order although it is the same for all: so it is the order of the index.
 WHERE t.queue = $1 AND t.state = 1 AND t.batch IS NULL
 ORDER BY t.group_name, t.batch, t.at, t.pos LIMIT $2 OFFSET $3
