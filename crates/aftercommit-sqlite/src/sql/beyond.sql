-- Chooses archived tasks beyond the limits of an archive, the oldest first.
-- ?1 queues: [name, ..]   ?2 archived at or before   ?3 how many a queue keeps   ?4 how many at most
WITH excess AS MATERIALIZED (
    SELECT q.value AS queue,
           (SELECT count(*) FROM aftercommit_ended WHERE queue = q.value AND state = 6) - ?3 AS count
      FROM (SELECT DISTINCT value FROM json_each(?1)) AS q
),
oldest AS (
    SELECT e.seq, e.ended_at, x.count, row_number() OVER (PARTITION BY e.queue ORDER BY e.ended_at, e.seq) AS nth
      FROM excess AS x CROSS JOIN aftercommit_ended AS e
        ON e.seq IN (SELECT seq FROM aftercommit_ended
                      WHERE queue = x.queue AND state = 6 ORDER BY ended_at, seq LIMIT ?4 + 0)
),
beyond AS (
    SELECT seq FROM oldest WHERE nth <= count OR ended_at <= ?2 ORDER BY ended_at, seq LIMIT ?4 + 0
)
