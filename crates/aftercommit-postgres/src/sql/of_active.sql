-- The end of a list: active tasks, oldest first.
-- $1 the queue   $2 how many at most   $3 how many to pass over
-- Why rows are found so stands in finish.sql.
 WHERE t.seq = ANY (ARRAY(SELECT unnest(seqs) FROM aftercommit.claims WHERE $1 = ANY (queues)))
   AND t.queue COLLATE "POSIX" = $1 AND t.leased_until > 0
 ORDER BY t.seq LIMIT $2 OFFSET $3
