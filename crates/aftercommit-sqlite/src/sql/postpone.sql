-- active -> retry. A retry counts as one, a snooze does not.
-- ?1 [[seq, epoch, queue, id, due, error, retries to add], ..]   ?2 now
UPDATE aftercommit_tasks AS t
   SET state = 5, at = l.due, retried = t.retried + l.burned, last_error = l.error, last_failed_at = ?2
  FROM (SELECT json_extract(value, '$[0]') AS seq, json_extract(value, '$[1]') AS epoch,
               json_extract(value, '$[2]') AS queue, json_extract(value, '$[3]') AS id,
               json_extract(value, '$[4]') AS due, json_extract(value, '$[5]') AS error,
               json_extract(value, '$[6]') AS burned
          FROM json_each(?1)) AS l
 WHERE t.seq = l.seq AND t.epoch & 65535 = l.epoch AND t.queue = l.queue AND t.id = l.id AND t.state = 3
