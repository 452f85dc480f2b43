-- pending -> active, for the oldest tasks of several queues.
-- $1 queues   $2 their quotas   $3 from which places on, beside those at the front   $4 the worker's id   $5 now
-- $6 for how long, in milliseconds   $7 the sum of the quotas
-- Each queue gives its quota; what is missing then comes from the queues in their order. Only rows that are taken are
-- locked: others would pass over those.
WITH quota AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS q (queue, count, floor, nth)
     WHERE NOT EXISTS (SELECT 1 FROM aftercommit.pauses AS p WHERE p.queue = q.queue)
),
first AS MATERIALIZED (
    SELECT q.nth, t.tid, t.pos
      FROM quota AS q CROSS JOIN LATERAL (
           SELECT tid, pos
             FROM (SELECT tid, pos FROM (SELECT ctid AS tid, pos FROM aftercommit.tasks
                                          WHERE queue = q.queue AND state = 2 AND pos < 0
                                          ORDER BY pos LIMIT q.count FOR UPDATE SKIP LOCKED) AS front
                   UNION ALL
                   SELECT tid, pos FROM (SELECT ctid AS tid, pos FROM aftercommit.tasks
                                          WHERE queue = q.queue AND state = 2 AND pos >= q.floor
                                          ORDER BY pos LIMIT q.count FOR UPDATE SKIP LOCKED) AS rest) AS oldest
            LIMIT q.count) AS t
),
missing AS MATERIALIZED (SELECT $7 - count(*) AS count FROM first),
more AS MATERIALIZED (
    SELECT t.tid
      FROM quota AS q CROSS JOIN LATERAL (
           SELECT tid
             FROM (SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = q.queue AND state = 2 AND pos < 0
                                       AND pos > (SELECT coalesce(max(f.pos), -9223372036854775808)
                                                    FROM first AS f WHERE f.nth = q.nth)
                                     ORDER BY pos LIMIT (SELECT count FROM missing) FOR UPDATE SKIP LOCKED) AS front
                   UNION ALL
                   SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = q.queue AND state = 2
                                       AND pos >= greatest(q.floor, (SELECT max(f.pos) + 1 FROM first AS f WHERE f.nth = q.nth))
                                     ORDER BY pos LIMIT (SELECT count FROM missing) FOR UPDATE SKIP LOCKED) AS rest) AS next
            LIMIT (SELECT count FROM missing)) AS t
     WHERE (SELECT count FROM missing) > 0
     LIMIT (SELECT count FROM missing)
)
UPDATE aftercommit.tasks AS t
   SET state = 3,
       epoch = t.epoch + 1,
       worker = (SELECT key FROM aftercommit.workers WHERE id = $4),
       leased_until = (SELECT aftercommit.moment($5)) + $6
 WHERE t.ctid = ANY (ARRAY(SELECT tid FROM first UNION ALL SELECT tid FROM more))
RETURNING t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
          t.last_failed_at, t.payload, t.group_name
