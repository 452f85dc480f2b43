-- No transition: tasks that are over; a condition follows.
SELECT t.state, t.ended_at, t.result, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name
  FROM aftercommit_ended AS t
