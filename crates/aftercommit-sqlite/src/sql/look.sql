-- No transition: what a change of the file may be about.
SELECT EXISTS (SELECT 1 FROM aftercommit_tasks WHERE state = 2),
       EXISTS (SELECT 1 FROM aftercommit_tasks WHERE state > 3),
       EXISTS (SELECT 1 FROM aftercommit_tasks WHERE state = 1 AND batch IS NULL),
       (SELECT min(free_at) FROM aftercommit_outbox WHERE free_at IS NOT NULL),
       ifnull((SELECT max(seq) FROM aftercommit_cancellations), 0)
