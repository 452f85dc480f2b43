-- No transition: tasks that are over, with the same columns; a condition follows.
SELECT t.seq, 0, t.state, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.ended_at AS moment, NULL::text AS worker, t.result
  FROM aftercommit.ended AS t
