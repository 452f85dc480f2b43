-- No transition: what a queue did on some days, today first.
-- $1 the queue   $2 how many days   $3 now
WITH days AS MATERIALIZED (
    SELECT today.day - back AS day
      FROM (SELECT aftercommit.moment($3) / 86400000 AS day) AS today, generate_series(0, $2::bigint - 1) AS back
),
counted AS (
    SELECT day, processed, failed FROM aftercommit.counts WHERE queue = $1
    UNION ALL
    SELECT day, processed, failed FROM aftercommit.count_changes WHERE queue = $1
)
SELECT days.day, coalesce(sum(c.processed), 0)::bigint, coalesce(sum(c.failed), 0)::bigint
  FROM days LEFT JOIN counted AS c ON c.day = days.day
 GROUP BY days.day
 ORDER BY days.day DESC
