-- aggregating -> aggregating, in a batch: the oldest tasks of each group that is ripe.
-- $7 how many tasks a batch has at most   $8 how long it is held
-- A task that an operator has at this moment is passed over, and a batch without tasks does not come to be.
, ripe AS MATERIALIZED (
    SELECT nextval('aftercommit.batches_key_seq') AS key, queue, name
      FROM ripening WHERE ripe_at <= (SELECT aftercommit.moment($6))
),
picked AS MATERIALIZED (
    SELECT ripe.key, oldest.seq
      FROM ripe CROSS JOIN LATERAL (
           SELECT t.seq FROM aftercommit.tasks AS t
            WHERE t.queue = ripe.queue AND t.state = 1 AND t.group_name = ripe.name AND t.batch IS NULL
            ORDER BY t.batch, t.at, t.pos LIMIT $7
              FOR UPDATE SKIP LOCKED) AS oldest
),
filled AS (
    UPDATE aftercommit.tasks AS t SET batch = picked.key FROM picked WHERE t.seq = picked.seq
    RETURNING t.*
),
held AS (
    INSERT INTO aftercommit.batches (key, queue, group_name, deadline) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT batch, queue, group_name, (SELECT aftercommit.moment($6)) + $8 FROM filled
    RETURNING key, deadline
)
SELECT t.seq, t.epoch, t.state, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, held.key, held.deadline
  FROM held JOIN filled AS t ON t.batch = held.key
 ORDER BY held.key, t.at, t.pos
