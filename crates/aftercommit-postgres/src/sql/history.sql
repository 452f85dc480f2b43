-- No transition: what a queue did on some days, today first.
-- $1 the queue   $2 how many days   $3 now
WITH counted AS MATERIALIZED (
    SELECT day, sum(processed) AS processed, sum(failed) AS failed
      FROM (SELECT day, processed, failed FROM aftercommit.counts WHERE queue = $1
            UNION ALL
            SELECT day, processed, failed FROM aftercommit.count_changes WHERE queue = $1) AS all_of_them
     GROUP BY day
)
SELECT days.day, coalesce(counted.processed, 0)::bigint, coalesce(counted.failed, 0)::bigint
  FROM (SELECT today.day - back AS day
          FROM (SELECT aftercommit.moment($3) / 86400000 AS day) AS today, generate_series(0, $2::bigint - 1) AS back) AS days
       LEFT JOIN counted ON counted.day = days.day
 ORDER BY days.day DESC
