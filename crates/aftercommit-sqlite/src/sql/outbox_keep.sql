-- waiting | claimed -> kept, when the task is published, whoever has claimed the row.
-- ?1 [[seq, seen at, look at], ..]   ?2 now
UPDATE aftercommit_outbox AS o
   SET free_at = NULL, epoch = o.epoch + 1, published_at = ?2, seen_at = l.seen_at, missing_since = NULL,
       look_at = l.look_at
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS seen_at,
               json_extract(value, '$[2]') AS look_at
          FROM json_each(?1)) AS l
 WHERE o.seq = l.seq AND o.free_at IS NOT NULL
