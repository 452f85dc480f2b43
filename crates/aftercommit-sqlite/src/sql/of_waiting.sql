-- The end of a list: aggregating tasks that are in no batch, group by group, oldest first.
-- ?1 the queue   ?2 how many at most   ?3 how many to pass over
 WHERE t.queue = ?1 AND t.state = 1 AND t.batch IS NULL ORDER BY t.group_name, t.at, t.pos LIMIT ?2 + 0 OFFSET ?3 + 0
