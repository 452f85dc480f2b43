-- aggregating -> aggregating, outside of a batch again. A task is as old in its group as it was.
-- ?1 the key   ?2 the queue
UPDATE aftercommit_tasks SET batch = NULL WHERE queue = ?2 AND state = 1 AND batch = ?1
