-- No transition: one queue as it is now.
-- ?1 the queue
SELECT EXISTS (SELECT 1 FROM aftercommit_tasks WHERE queue = ?1)
       OR EXISTS (SELECT 1 FROM aftercommit_ended WHERE queue = ?1)
       OR EXISTS (SELECT 1 FROM aftercommit_counts WHERE queue = ?1),
       (SELECT count(*) FROM aftercommit_tasks WHERE queue = ?1 AND state = 2),
       (SELECT count(*) FROM aftercommit_tasks WHERE queue = ?1 AND state = 3),
       (SELECT count(*) FROM aftercommit_tasks WHERE queue = ?1 AND state > 3 AND state = 4),
       (SELECT count(*) FROM aftercommit_tasks WHERE queue = ?1 AND state > 3 AND state = 5),
       (SELECT count(*) FROM aftercommit_ended WHERE queue = ?1 AND state = 6),
       (SELECT count(*) FROM aftercommit_ended WHERE queue = ?1 AND state = 7),
       (SELECT count(*) FROM aftercommit_tasks WHERE queue = ?1 AND state = 1),
       (SELECT count(DISTINCT group_name) FROM aftercommit_tasks WHERE queue = ?1 AND state = 1 AND batch IS NULL),
       (SELECT at FROM aftercommit_tasks WHERE queue = ?1 AND state = 2 ORDER BY pos LIMIT 1),
       (SELECT since FROM aftercommit_pauses WHERE queue = ?1),
       (SELECT ifnull(sum(processed), 0) FROM aftercommit_counts WHERE queue = ?1),
       (SELECT ifnull(sum(failed), 0) FROM aftercommit_counts WHERE queue = ?1)
