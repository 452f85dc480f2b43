-- No transition: tasks that are not over; a condition follows.
SELECT t.seq, t.epoch, t.state, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name,
       CASE t.state WHEN 3 THEN t.leased_until ELSE t.at END AS moment,
       (SELECT w.id FROM aftercommit.workers AS w WHERE t.state = 3 AND w.key = t.worker) AS worker,
       NULL::bytea AS result
  FROM aftercommit.tasks AS t
