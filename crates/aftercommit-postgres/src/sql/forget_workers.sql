-- Deletes workers that have not been seen for long and hold no task.
-- $1 now   $2 for how long, in milliseconds
DELETE FROM aftercommit.workers
 WHERE seen_at <= aftercommit.moment($1) - $2 AND coalesce(expires_at, 0) <= aftercommit.moment($1) - $2
   AND key NOT IN (SELECT worker FROM aftercommit.claims)
