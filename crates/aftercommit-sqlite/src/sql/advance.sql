-- Takes numbers from the sequence of the tasks, for those that went to the back of a queue.
-- ?1 how many
UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'aftercommit_tasks'
