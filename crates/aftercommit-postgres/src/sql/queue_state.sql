-- No transition: one queue as it is now. Counts the active tasks by the claims, and the others by indexes.
-- $1 the queue, as the only one of a list
-- What looks for any task asks for the first one: for EXISTS alone, Postgres may read the table until it finds some.
, active AS MATERIALIZED (
    SELECT count(*) AS count FROM aftercommit.tasks AS t
     WHERE t.seq = ANY (ARRAY(SELECT unnest(seqs) FROM aftercommit.claims WHERE $1[1] = ANY (queues))) AND t.queue COLLATE "POSIX" = $1[1]
       AND t.leased_until > 0
)
SELECT (SELECT id FROM aftercommit.tasks WHERE queue = $1[1] ORDER BY id LIMIT 1) IS NOT NULL
       OR (SELECT id FROM aftercommit.ended WHERE queue = $1[1] ORDER BY id LIMIT 1) IS NOT NULL
       OR EXISTS (SELECT 1 FROM aftercommit.counts WHERE queue = $1[1])
       OR EXISTS (SELECT 1 FROM aftercommit.count_changes WHERE queue = $1[1]),
       (SELECT count(*) FROM aftercommit.tasks WHERE queue = $1[1] AND state = 2) - (SELECT count FROM active),
       (SELECT count FROM active),
       (SELECT count(*) FROM aftercommit.tasks WHERE queue = $1[1] AND state > 3 AND state = 4),
       (SELECT count(*) FROM aftercommit.tasks WHERE queue = $1[1] AND state > 3 AND state = 5),
       (SELECT count(*) FROM aftercommit.ended WHERE queue = $1[1] AND state = 6),
       (SELECT count(*) FROM aftercommit.ended WHERE queue = $1[1] AND state = 7),
       (SELECT count(*) FROM aftercommit.tasks WHERE queue = $1[1] AND state = 1),
       (SELECT count(*) FROM groups),
       (SELECT at FROM aftercommit.tasks WHERE queue = $1[1] AND state = 2 AND leased_until = 0 ORDER BY pos LIMIT 1),
       (SELECT since FROM aftercommit.pauses WHERE queue = $1[1]),
       counted.processed,
       counted.failed
  FROM (SELECT coalesce(sum(processed), 0)::bigint AS processed, coalesce(sum(failed), 0)::bigint AS failed
          FROM (SELECT processed, failed FROM aftercommit.counts WHERE queue = $1[1]
                UNION ALL
                SELECT processed, failed FROM aftercommit.count_changes WHERE queue = $1[1]) AS c) AS counted
