-- completed -> (nothing), when the retention is over.
-- $1 queues   $2 now   $3 how many at most
DELETE FROM aftercommit.ended
 WHERE ctid = ANY (ARRAY(
       SELECT e.tid
         FROM (SELECT aftercommit.moment($2) AS now) AS p, unnest($1::text[]) AS q (queue) CROSS JOIN LATERAL (
              SELECT ctid AS tid FROM aftercommit.ended
               WHERE queue = q.queue AND expires_at <= p.now
               ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED) AS e
        LIMIT $3))
