-- aggregating -> aggregating, in a batch: the oldest tasks of each group that is ripe.
-- $7 how many tasks a batch has at most   $8 how long it is held
-- Why rows are found so stands in finish.sql.
-- A task that an operator has at this moment is passed over, and a batch without tasks does not come to be.
, present AS MATERIALIZED (SELECT aftercommit.moment($6) AS now),
ripe AS MATERIALIZED (
    SELECT nextval('aftercommit.batches_key_seq') AS key, queue, name
      FROM ripening WHERE ripe_at <= (SELECT now FROM present)
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
    UPDATE aftercommit.tasks AS t SET batch = picked.key FROM picked WHERE t.seq = ANY (ARRAY[picked.seq])
    RETURNING t.*
),
held AS (
    INSERT INTO aftercommit.batches (key, queue, group_name, deadline) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT t.batch, t.queue, t.group_name, present.now + $8 FROM filled AS t, present
)
SELECT t.seq, t.epoch, t.state, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.batch, present.now + $8
  FROM filled AS t, present
 ORDER BY t.batch, t.at, t.pos
