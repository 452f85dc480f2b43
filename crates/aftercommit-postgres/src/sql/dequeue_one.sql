-- pending -> active, for the oldest tasks of one queue.
-- $1 the queue   $2 how many at most   $3 from which place on, beside those at the front   $4 the worker's id   $5 now
-- $6 for how long, in milliseconds
-- Rows that others hold are passed over. The rows are found again by their physical place, which cannot change while
-- they are locked.
UPDATE aftercommit.tasks AS t
   SET state = 3,
       epoch = t.epoch + 1,
       worker = (SELECT key FROM aftercommit.workers WHERE id = $4),
       leased_until = (SELECT aftercommit.moment($5)) + $6
 WHERE t.ctid = ANY (ARRAY(
       SELECT tid
         FROM (SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                 WHERE queue = $1 AND state = 2 AND pos < 0
                                 ORDER BY pos LIMIT $2 FOR UPDATE SKIP LOCKED) AS front
               UNION ALL
               SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                 WHERE queue = $1 AND state = 2 AND pos >= $3
                                 ORDER BY pos LIMIT $2 FOR UPDATE SKIP LOCKED) AS rest) AS oldest
        WHERE NOT EXISTS (SELECT 1 FROM aftercommit.pauses WHERE queue = $1)
        LIMIT $2))
RETURNING t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
          t.last_failed_at, t.payload, t.group_name
