-- Deletes unique locks that ran out long ago and that nobody has taken over.
-- $1 now   $2 how long ago, in milliseconds   $3 how many at most
DELETE FROM aftercommit.unique_locks
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM aftercommit.unique_locks
                          WHERE until <= (SELECT aftercommit.moment($1)) - $2
                          LIMIT $3 FOR UPDATE SKIP LOCKED))
