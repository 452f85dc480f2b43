-- No transition: tasks that are not over; a condition follows.
SELECT t.seq, t.epoch, CASE WHEN t.leased_until > 0 THEN 3::smallint ELSE t.state END AS state, t.queue, t.id, t.task_type,
       t.options, t.retried, t.recovered, t.last_error, t.last_failed_at, t.payload, t.group_name,
       CASE WHEN t.leased_until > 0 THEN t.leased_until ELSE t.at END AS moment,
       (SELECT w.id FROM aftercommit.claims AS c JOIN aftercommit.workers AS w ON w.key = c.worker
         WHERE t.leased_until > 0 AND c.key = t.claim) AS worker,
       NULL::bytea AS result
  FROM aftercommit.tasks AS t
