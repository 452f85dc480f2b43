-- Chooses pending tasks of several queues, for take.sql.
-- ?1 quotas: [[queue, count], ..]   ?2 their sum
-- Each queue offers its oldest tasks; those within its quota go first, then the others in the order of
-- the queues, until there are enough.
WITH quota AS MATERIALIZED (
    SELECT key AS nth, json_extract(value, '$[0]') AS queue, json_extract(value, '$[1]') AS count
      FROM json_each(?1)
     WHERE json_extract(value, '$[0]') NOT IN (SELECT queue FROM aftercommit_pauses)
),
offered AS (
    SELECT t.seq, q.nth, q.count, row_number() OVER (PARTITION BY q.nth ORDER BY t.pos) AS rank
      FROM quota AS q CROSS JOIN aftercommit_tasks AS t
        ON t.seq IN (SELECT seq FROM aftercommit_tasks
                      WHERE queue = q.queue AND state = 2 ORDER BY pos LIMIT ?2 + 0)
),
chosen AS (SELECT seq FROM offered ORDER BY rank > count, nth, rank LIMIT ?2 + 0)
