-- Adds what is still to be added to the counts.
-- $1 how many changes at most
WITH changes AS (
    DELETE FROM aftercommit.count_changes
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM aftercommit.count_changes LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING queue, day, processed, failed
)
INSERT INTO aftercommit.counts AS c (queue, day, processed, failed)
SELECT queue, day, sum(processed), sum(failed) FROM changes GROUP BY queue, day ORDER BY queue, day
    ON CONFLICT (queue, day) DO UPDATE
   SET processed = c.processed + excluded.processed, failed = c.failed + excluded.failed
