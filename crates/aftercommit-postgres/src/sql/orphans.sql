-- No transition: active tasks that are nobody's, and the present moment.
-- $1 queues   $2 now   $3 how many at most   $4 for how many milliseconds this process has watched
-- $5 when to look again at a claim of which tasks are left, in milliseconds from now   $6 how many claims to look at in turn
-- Looks at the claims whose time has come, and removes those that are over; what another process is looking at is left to it.
-- Claims of workers that are gone are looked at by everybody, each time. A worker that never beat is judged by its leases
-- alone; one that did and has no row any more has left. Why the tasks are found so stands in finish.sql.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($2) AS now),
due AS MATERIALIZED (
    SELECT key, worker, seqs FROM aftercommit.claims
     WHERE look_at <= (SELECT now FROM present)
     ORDER BY look_at LIMIT $6 FOR UPDATE SKIP LOCKED
),
looked AS (
    SELECT d.key, d.worker, d.seqs, true AS is_due, w.key IS NULL AS has_left,
           w.key IS NULL OR coalesce(w.expires_at <= p.now AND w.ttl_ms <= $4, false) AS is_gone
      FROM present AS p CROSS JOIN due AS d LEFT JOIN aftercommit.workers AS w ON w.key = d.worker
    UNION ALL
    SELECT c.key, c.worker, c.seqs, false, w.key IS NULL, true
      FROM present AS p CROSS JOIN aftercommit.claims AS c LEFT JOIN aftercommit.workers AS w ON w.key = c.worker
     WHERE (w.key IS NULL OR (w.expires_at <= p.now AND w.ttl_ms <= $4))
       AND c.worker > 0 AND c.queues && $1::text[] AND c.key NOT IN (SELECT key FROM due)
),
left_over AS MATERIALIZED (
    SELECT c.key, c.worker, c.is_due, c.has_left, c.is_gone, t.seq, t.leased_until
      FROM looked AS c CROSS JOIN LATERAL (
           SELECT t.seq, t.leased_until FROM aftercommit.tasks AS t
            WHERE t.seq = ANY (c.seqs) AND t.claim = c.key AND t.leased_until > 0) AS t
),
over AS (
    DELETE FROM aftercommit.claims
     WHERE key = ANY (ARRAY(SELECT key FROM due EXCEPT SELECT key FROM left_over))
),
postponed AS (
    UPDATE aftercommit.claims AS c SET look_at = least(l.until, (SELECT now FROM present) + $5)
      FROM (SELECT key, min(leased_until) AS until FROM left_over WHERE is_due GROUP BY key) AS l
     WHERE c.key = ANY (ARRAY[l.key]) AND l.until > (SELECT now FROM present)
)
SELECT t.seq, t.epoch, t.pos, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error,
       t.last_failed_at, t.payload, t.group_name, t.leased_until, p.now, l.worker, l.has_left
  FROM present AS p CROSS JOIN left_over AS l CROSS JOIN LATERAL (
       SELECT * FROM aftercommit.tasks AS t
        WHERE t.seq = ANY (ARRAY[l.seq]) AND t.queue COLLATE "POSIX" = ANY ($1::text[])) AS t
 WHERE l.leased_until <= p.now OR l.is_gone
 LIMIT $3
