-- aggregating -> (nothing): the tasks of a batch, which another one stands for now.
-- ?1 the key   ?2 the queue
DELETE FROM aftercommit_tasks WHERE queue = ?2 AND state = 1 AND batch = ?1
