-- No transition: where a task is, and locks it there until the transaction ends.
-- $1 the queue   $2 the id
-- Always one row. Nothing but the last column: the task moved between the tables while it was waited for.
WITH live AS (
    SELECT seq, CASE WHEN leased_until > 0 THEN 3::smallint ELSE state END AS state, batch IS NOT NULL AS is_held
      FROM aftercommit.tasks WHERE queue = $1 AND id = $2 FOR UPDATE
),
ended AS (
    SELECT seq, state, false AS is_held FROM aftercommit.ended WHERE queue = $1 AND id = $2 FOR UPDATE
)
SELECT found.seq, found.state, found.is_held,
       EXISTS (SELECT 1 FROM aftercommit.tasks WHERE queue = $1 AND id = $2)
       OR EXISTS (SELECT 1 FROM aftercommit.ended WHERE queue = $1 AND id = $2) AS was_there
  FROM (VALUES (1)) AS always LEFT JOIN (SELECT * FROM live UNION ALL SELECT * FROM ended) AS found ON true
 LIMIT 1
