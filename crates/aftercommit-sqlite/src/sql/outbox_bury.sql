-- claimed | kept -> buried.
-- ?1 [[seq, epoch, error], ..]
UPDATE aftercommit_outbox AS o
   SET free_at = NULL, look_at = NULL, published_at = NULL, epoch = o.epoch + 1, error = l.error
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch,
               json_extract(value, '$[2]') AS error
          FROM json_each(?1)) AS l
 WHERE o.seq = l.seq AND o.epoch = l.epoch AND (o.free_at IS NOT NULL OR o.look_at IS NOT NULL)
