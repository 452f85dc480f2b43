-- Deletes the counts of a queue without tasks, by which it is known; resume.sql deletes its pause.
-- ?1 the queue
DELETE FROM aftercommit_counts WHERE queue = ?1
