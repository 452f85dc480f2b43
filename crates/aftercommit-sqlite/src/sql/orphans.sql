-- No transition: active tasks that are nobody's.
-- ?1 queues: [name, ..]   ?2 now   ?3 how many at most   ?4 keys of workers whose process is dead
-- ?5 for how many milliseconds this process has watched
-- A worker that never beat is judged by its leases alone; one that did and has no row any more has left.
SELECT t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.at
  FROM json_each(?1) AS q CROSS JOIN aftercommit_tasks AS t ON t.queue = q.value AND t.state = 3
       LEFT JOIN aftercommit_workers AS w ON w.key = t.worker
 WHERE t.at <= ?2
    OR w.key IS NULL
    OR (w.expires_at <= ?2 AND w.ttl_ms <= ?5)
    OR w.key IN (SELECT value FROM json_each(?4))
 LIMIT ?3 + 0
