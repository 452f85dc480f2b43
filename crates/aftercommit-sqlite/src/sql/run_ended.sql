-- archived | completed -> pending, by an operator, first half; delete_ended.sql is the other.
-- ?1 [seq, ..], in the order in which they will run   ?2 now
INSERT INTO aftercommit_tasks (seq, state, pos, at, epoch, worker, queue, id, task_type, options, payload,
                               retried, recovered, last_error, last_failed_at, unique_key, unique_until, group_name)
SELECT last.seq + 1 + chosen.key, 2, last.seq + 1 + chosen.key, ?2, 2, 2, e.queue, e.id, e.task_type, e.options,
       e.payload, e.retried, e.recovered, e.last_error, e.last_failed_at, e.unique_key, e.unique_until, e.group_name
  FROM (SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'aftercommit_tasks') AS last
       CROSS JOIN json_each(?1) AS chosen CROSS JOIN aftercommit_ended AS e
 WHERE e.seq = chosen.value
