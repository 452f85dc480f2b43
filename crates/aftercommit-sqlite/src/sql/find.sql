-- No transition: where a task is: its seq, its state and, if it is not over, its batch.
-- ?1 the queue   ?2 the id
SELECT seq, state, batch FROM aftercommit_tasks WHERE queue = ?1 AND id = ?2
UNION ALL
SELECT seq, state, NULL FROM aftercommit_ended WHERE queue = ?1 AND id = ?2
