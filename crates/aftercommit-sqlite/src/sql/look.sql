-- No transition: what a change of the file may be about.
SELECT EXISTS (SELECT 1 FROM aftercommit_tasks WHERE state = 2),
       EXISTS (SELECT 1 FROM aftercommit_tasks WHERE state > 3),
       ifnull((SELECT max(seq) FROM aftercommit_cancellations), 0)
