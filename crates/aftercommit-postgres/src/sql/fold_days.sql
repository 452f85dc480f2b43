-- Adds the days that are no longer kept to the sum of all earlier ones.
-- $1 how many days are kept   $2 now   $3 the day that stands for all earlier ones
WITH old AS (
    DELETE FROM aftercommit.counts WHERE day > $3 AND day <= aftercommit.moment($2) / 86400000 - $1
    RETURNING queue, processed, failed
)
INSERT INTO aftercommit.counts AS c (queue, day, processed, failed)
SELECT queue, $3, sum(processed), sum(failed) FROM old GROUP BY queue ORDER BY queue
    ON CONFLICT (queue, day) DO UPDATE
   SET processed = c.processed + excluded.processed, failed = c.failed + excluded.failed
