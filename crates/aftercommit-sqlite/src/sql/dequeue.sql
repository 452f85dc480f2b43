-- pending -> active.
-- ?1 quotas: [[queue, count], ..]   ?2 their sum   ?3 the worker's id   ?4 when the leases end
-- Each queue offers its oldest tasks; those within its quota go first, then the others in the order of
-- the queues, until enough are taken.
WITH quota AS MATERIALIZED (
    SELECT key AS nth, json_extract(value, '$[0]') AS queue, json_extract(value, '$[1]') AS count
      FROM json_each(?1)
     WHERE json_extract(value, '$[0]') NOT IN (SELECT queue FROM aftercommit_pauses)
),
offered AS (
    SELECT t.seq, q.nth, q.count, row_number() OVER (PARTITION BY q.nth ORDER BY t.pos) AS rank
      FROM quota AS q CROSS JOIN aftercommit_tasks AS t
        ON t.seq IN (SELECT seq FROM aftercommit_tasks
                      WHERE queue = q.queue AND state = 2 ORDER BY pos LIMIT ?2)
)
UPDATE aftercommit_tasks
   SET state = 3, epoch = epoch + 1, at = ?4, worker = (SELECT key FROM aftercommit_workers WHERE id = ?3)
 WHERE seq IN (SELECT seq FROM offered ORDER BY rank > count, nth, rank LIMIT ?2)
RETURNING seq, epoch, pos, queue, id, task_type, options, retried, recovered, last_error, last_failed_at, payload
