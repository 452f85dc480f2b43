-- Forgets a queue without tasks: its counts, by which it is known, and its pause. Answers whether it holds tasks, and
-- whether it was known.
-- $1 the queue
-- For EXISTS alone, Postgres may read the table until it finds some task; hence the order.
WITH queue AS MATERIALIZED (
    SELECT (SELECT id FROM aftercommit.tasks WHERE queue = $1 ORDER BY id LIMIT 1) IS NOT NULL
           OR (SELECT id FROM aftercommit.ended WHERE queue = $1 ORDER BY id LIMIT 1) IS NOT NULL AS has_tasks,
           EXISTS (SELECT 1 FROM aftercommit.counts WHERE queue = $1)
           OR EXISTS (SELECT 1 FROM aftercommit.count_changes WHERE queue = $1) AS is_known
),
counts AS (
    DELETE FROM aftercommit.counts AS c USING queue WHERE c.queue = $1 AND NOT has_tasks AND is_known
),
changes AS (
    DELETE FROM aftercommit.count_changes AS c USING queue WHERE c.queue = $1 AND NOT has_tasks AND is_known
),
pauses AS (
    DELETE FROM aftercommit.pauses AS p USING queue WHERE p.queue = $1 AND NOT has_tasks AND is_known
)
SELECT has_tasks, is_known FROM queue
