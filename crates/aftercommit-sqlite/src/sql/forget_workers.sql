-- Deletes workers that have not been seen for long and hold no task.
-- ?1 not seen since
DELETE FROM aftercommit_workers
 WHERE seen_at <= ?1 AND ifnull(expires_at, 0) <= ?1
   AND key NOT IN (SELECT worker FROM aftercommit_tasks WHERE state = 3)
