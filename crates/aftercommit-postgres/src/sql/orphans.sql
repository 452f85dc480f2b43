-- No transition: active tasks that are nobody's, and the present moment.
-- $1 queues   $2 now   $3 how many at most   $4 for how many milliseconds this process has watched
-- A worker that never beat is judged by its leases alone; one that did and has no row any more has left.
SELECT t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.leased_until, p.now, t.worker, w.key IS NULL
  FROM (SELECT aftercommit.moment($2) AS now) AS p
       CROSS JOIN (SELECT DISTINCT queue FROM unnest($1::text[]) AS u (queue)) AS q
       JOIN aftercommit.tasks AS t ON t.queue = q.queue AND t.state = 3
       LEFT JOIN aftercommit.workers AS w ON w.key = t.worker
 WHERE t.leased_until <= p.now
    OR w.key IS NULL
    OR (w.expires_at <= p.now AND w.ttl_ms <= $4)
 LIMIT $3
