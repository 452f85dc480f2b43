-- kept -> waiting, when the task is lost.
-- ?1 [[seq, epoch], ..]
UPDATE aftercommit_outbox AS o
   SET free_at = 0, look_at = NULL, published_at = NULL, epoch = o.epoch + 1, losses = o.losses + 1
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch FROM json_each(?1)) AS l
 WHERE o.seq = l.seq AND o.epoch = l.epoch AND o.look_at IS NOT NULL
