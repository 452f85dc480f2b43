-- No transition: tasks that are not over; a condition follows.
SELECT t.seq, t.epoch, t.state, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.at, w.id
  FROM aftercommit_tasks AS t LEFT JOIN aftercommit_workers AS w ON w.key = t.worker
