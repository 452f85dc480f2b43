-- pending -> active, for the oldest tasks of one queue; claimed.sql follows.
-- $1 the worker's id   $2 now   $3 for how long, in milliseconds   $4 the key of the claim   $5 when to look at it, in
-- milliseconds from now   $6 the queue   $7 how many at most   $8 from which place on; 0 is the
-- beginning, and only from there the front is looked at
-- Rows that others hold are passed over. The rows are found again by their physical place, which cannot change while
-- they are locked.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($2) AS now),
taken AS (
    UPDATE aftercommit.tasks AS t
       SET epoch = t.epoch + 1, claim = $4, leased_until = (SELECT now FROM present) + $3
     WHERE t.ctid = ANY (ARRAY(
           SELECT tid
             FROM (SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = $6 AND state = 2 AND leased_until = 0 AND pos < 0 AND $8 = 0
                                     ORDER BY pos LIMIT $7 FOR UPDATE SKIP LOCKED) AS front
                   UNION ALL
                   SELECT tid FROM (SELECT ctid AS tid FROM aftercommit.tasks
                                     WHERE queue = $6 AND state = 2 AND leased_until = 0 AND pos >= $8
                                     ORDER BY pos LIMIT $7 FOR UPDATE SKIP LOCKED) AS rest) AS oldest
            WHERE NOT EXISTS (SELECT 1 FROM aftercommit.pauses WHERE queue = $6)
            LIMIT $7))
    RETURNING t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
              t.last_failed_at, t.payload, t.group_name
)
