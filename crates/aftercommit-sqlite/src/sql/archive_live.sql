-- pending | scheduled | retry | aggregating -> archived, by an operator, first half; delete_live.sql is the
-- other. The unique lock is kept.
-- ?1 [seq, ..]   ?2 now
INSERT INTO aftercommit_ended (state, ended_at, queue, id, task_type, options, retried, recovered, last_error,
                               last_failed_at, unique_key, unique_until, payload, group_name)
SELECT 6, ?2, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.unique_key, t.unique_until, t.payload, t.group_name
  FROM json_each(?1) AS chosen CROSS JOIN aftercommit_tasks AS t
 WHERE t.seq = chosen.value
 ORDER BY chosen.key
