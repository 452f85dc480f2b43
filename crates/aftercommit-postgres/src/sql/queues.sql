-- No transition: every queue that has ever held a task. Jumps from name to name in the indexes.
WITH RECURSIVE
live (queue) AS (
    SELECT (SELECT t.queue FROM aftercommit.tasks AS t ORDER BY t.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT t.queue FROM aftercommit.tasks AS t WHERE t.queue > live.queue ORDER BY t.queue LIMIT 1)
      FROM live WHERE live.queue IS NOT NULL
),
ended (queue) AS (
    SELECT (SELECT e.queue FROM aftercommit.ended AS e ORDER BY e.queue LIMIT 1)
    UNION ALL
    SELECT (SELECT e.queue FROM aftercommit.ended AS e WHERE e.queue > ended.queue ORDER BY e.queue LIMIT 1)
      FROM ended WHERE ended.queue IS NOT NULL
)
SELECT queue FROM live WHERE queue IS NOT NULL
UNION
SELECT queue FROM ended WHERE queue IS NOT NULL
UNION
SELECT queue FROM aftercommit.counts
UNION
SELECT queue FROM aftercommit.count_changes
 ORDER BY queue
