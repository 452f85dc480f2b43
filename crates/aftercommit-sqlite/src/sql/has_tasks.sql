-- No transition: whether a queue holds tasks, and whether it is known for having held some.
-- ?1 the queue
SELECT EXISTS (SELECT 1 FROM aftercommit_tasks WHERE queue = ?1)
       OR EXISTS (SELECT 1 FROM aftercommit_ended WHERE queue = ?1),
       EXISTS (SELECT 1 FROM aftercommit_counts WHERE queue = ?1)
