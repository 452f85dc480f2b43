-- archived -> (nothing), beyond the limits of an archive, the oldest of each queue first; their unique locks go with them.
-- $1 queues   $2 now   $3 how long it keeps a task, in milliseconds   $4 how many a queue keeps   $5 how many at most
WITH present AS MATERIALIZED (SELECT aftercommit.moment($2) AS now),
excess AS MATERIALIZED (
    SELECT q.queue, (SELECT count(*) FROM aftercommit.ended AS e WHERE e.queue = q.queue AND e.state = 6) - $4 AS count
      FROM (SELECT DISTINCT queue FROM unnest($1::text[]) AS u (queue)) AS q
),
oldest AS (
    SELECT e.tid, e.ended_at, e.seq, x.count, row_number() OVER (PARTITION BY x.queue ORDER BY e.ended_at, e.seq) AS nth
      FROM excess AS x CROSS JOIN LATERAL (
           SELECT ctid AS tid, ended_at, seq FROM aftercommit.ended
            WHERE queue = x.queue AND state = 6 ORDER BY ended_at, seq LIMIT $5) AS e
),
trimmed AS (
    DELETE FROM aftercommit.ended
     WHERE state = 6
       AND ctid = ANY (ARRAY(SELECT tid FROM oldest, present
                              WHERE nth <= count OR ended_at <= present.now - $3
                              ORDER BY ended_at, seq LIMIT $5))
    RETURNING queue, id, unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT queue, unique_key, id FROM trimmed WHERE unique_key IS NOT NULL ORDER BY queue, unique_key) AS g
     WHERE u.queue = ANY (ARRAY[g.queue]) AND u.key = ANY (ARRAY[g.unique_key]) AND u.id = g.id
)
SELECT count(*) FROM trimmed
