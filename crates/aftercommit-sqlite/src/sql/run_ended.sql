-- archived | completed -> pending, by an operator, first half; delete_ended.sql is the other.
-- ?1 the queue   ?2 the id   ?3 now
INSERT INTO aftercommit_tasks (seq, state, pos, at, epoch, worker, queue, id, task_type, options, payload,
                               retried, recovered, last_error, last_failed_at, unique_key, unique_until)
SELECT last.seq + 1, 2, last.seq + 1, ?3, 2, 2, e.queue, e.id, e.task_type, e.options, e.payload,
       e.retried, e.recovered, e.last_error, e.last_failed_at, e.unique_key, e.unique_until
  FROM (SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'aftercommit_tasks') AS last CROSS JOIN aftercommit_ended AS e
 WHERE e.queue = ?1 AND e.id = ?2
