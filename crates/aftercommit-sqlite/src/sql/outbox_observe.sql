-- kept and being looked at -> kept, with what was seen.
-- ?1 [[seq, epoch, seen at or null, missing since or null, look at], ..]
UPDATE aftercommit_outbox AS o
   SET epoch = o.epoch + 1, seen_at = ifnull(l.seen_at, o.seen_at), missing_since = l.missing_since, look_at = l.look_at
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch,
               json_extract(value, '$[2]') AS seen_at, json_extract(value, '$[3]') AS missing_since,
               json_extract(value, '$[4]') AS look_at
          FROM json_each(?1)) AS l
 WHERE o.seq = l.seq AND o.epoch = l.epoch AND o.look_at IS NOT NULL
