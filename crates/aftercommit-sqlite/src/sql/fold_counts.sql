-- Adds the days that are no longer kept to the sum of all earlier ones; forget_counts.sql then deletes them.
-- ?1 the first day to keep   ?2 the day that stands for all earlier ones
INSERT INTO aftercommit_counts (queue, day, processed, failed)
SELECT queue, ?2, sum(processed), sum(failed) FROM aftercommit_counts WHERE day > ?2 AND day < ?1 GROUP BY queue
    ON CONFLICT (queue, day) DO UPDATE
   SET processed = processed + excluded.processed, failed = failed + excluded.failed
