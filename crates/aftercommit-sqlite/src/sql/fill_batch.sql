-- aggregating -> aggregating, in a batch: the oldest tasks of a group.
-- ?1 the queue   ?2 the group   ?3 the batch   ?4 how many at most
UPDATE aftercommit_tasks SET batch = ?3
 WHERE seq IN (SELECT seq FROM aftercommit_tasks
                WHERE queue = ?1 AND state = 1 AND batch IS NULL AND group_name = ?2
                ORDER BY at, pos LIMIT ?4 + 0)
