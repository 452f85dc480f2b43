-- No transition: the state of a task that is not over.
-- ?1 the queue   ?2 the id
SELECT state FROM aftercommit_tasks WHERE queue = ?1 AND id = ?2
