-- Counts attempts that ended.
-- ?1 [[queue, processed, failed], ..]   ?2 the day
INSERT INTO aftercommit_counts (queue, day, processed, failed)
SELECT json_extract(value, '$[0]'), ?2, json_extract(value, '$[1]'), json_extract(value, '$[2]')
  FROM json_each(?1)
 WHERE true
    ON CONFLICT (queue, day) DO UPDATE
   SET processed = processed + excluded.processed, failed = failed + excluded.failed
