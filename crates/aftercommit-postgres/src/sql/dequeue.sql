-- pending -> active, for the oldest tasks of several queues; claimed.sql follows.
-- $1 the worker's id   $2 now   $3 for how long, in milliseconds   $4 the key of the claim   $5 when to look at it, in
-- milliseconds from now   $6 queues   $7 their quotas   $8 from which places on; 0 is the
-- beginning, and only from there the front is looked at
-- $9 the sum of the quotas
-- Each queue gives its quota; what is missing then comes from the queues in their order. Only rows that are taken are
-- locked: others would pass over those.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($2) AS now),
quota AS MATERIALIZED (
    SELECT * FROM unnest($6::text[], $7::bigint[], $8::bigint[]) WITH ORDINALITY AS q (queue, count, floor, nth)
     WHERE NOT EXISTS (SELECT 1 FROM aftercommit.pauses AS p WHERE p.queue = q.queue)
),
first AS MATERIALIZED (
    SELECT q.nth, t.tid, t.pos
      FROM quota AS q CROSS JOIN LATERAL (
           SELECT tid, pos
             FROM (SELECT tid, pos FROM (SELECT ctid AS tid, pos FROM aftercommit.tasks
                                          WHERE queue = q.queue AND state = 2 AND leased_until = 0 AND pos < 0 AND q.floor = 0
                                          ORDER BY pos LIMIT q.count FOR UPDATE SKIP LOCKED) AS front
                   UNION ALL
                   SELECT tid, pos FROM (SELECT ctid AS tid, pos FROM aftercommit.tasks
                                          WHERE queue = q.queue AND state = 2 AND leased_until = 0 AND pos >= q.floor
                                          ORDER BY pos LIMIT q.count FOR UPDATE SKIP LOCKED) AS rest) AS oldest
            LIMIT q.count) AS t
),
missing AS MATERIALIZED (SELECT $9 - count(*) AS count FROM first),
more AS MATERIALIZED (
    SELECT t.tid
      FROM quota AS q CROSS JOIN LATERAL (
           SELECT tid
             FROM (SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = q.queue AND state = 2 AND leased_until = 0 AND pos < 0 AND q.floor = 0
                                       AND pos > (SELECT coalesce(max(f.pos), -9223372036854775808)
                                                    FROM first AS f WHERE f.nth = q.nth)
                                     ORDER BY pos LIMIT (SELECT count FROM missing) FOR UPDATE SKIP LOCKED) AS front
                   UNION ALL
                   SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = q.queue AND state = 2 AND leased_until = 0
                                       AND pos >= greatest(q.floor, (SELECT max(f.pos) + 1 FROM first AS f WHERE f.nth = q.nth))
                                     ORDER BY pos LIMIT (SELECT count FROM missing) FOR UPDATE SKIP LOCKED) AS rest) AS next
            LIMIT (SELECT count FROM missing)) AS t
     WHERE (SELECT count FROM missing) > 0
     LIMIT (SELECT count FROM missing)
),
taken AS (
    UPDATE aftercommit.tasks AS t
       SET epoch = t.epoch + 1, claim = $4, leased_until = (SELECT now FROM present) + $3
     WHERE t.ctid = ANY (ARRAY(SELECT tid FROM first UNION ALL SELECT tid FROM more))
    RETURNING t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
              t.last_failed_at, t.payload, t.group_name
)
