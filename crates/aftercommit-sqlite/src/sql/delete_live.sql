-- pending | scheduled | retry -> (nothing), by an operator.
-- ?1 the queue   ?2 the id
DELETE FROM aftercommit_tasks WHERE queue = ?1 AND id = ?2 AND state <> 3
