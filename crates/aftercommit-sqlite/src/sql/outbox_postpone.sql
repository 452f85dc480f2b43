-- claimed -> waiting, for a moment. The claim ends, so that saying it again changes nothing.
-- ?1 [[seq, epoch, moment, error], ..]
UPDATE aftercommit_outbox AS o
   SET free_at = max(1, l.moment), epoch = o.epoch + 1, attempts = o.attempts + 1, error = l.error
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch,
               json_extract(value, '$[2]') AS moment, json_extract(value, '$[3]') AS error
          FROM json_each(?1)) AS l
 WHERE o.seq = l.seq AND o.epoch = l.epoch AND o.free_at IS NOT NULL
