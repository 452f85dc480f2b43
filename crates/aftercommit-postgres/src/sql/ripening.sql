-- No transition: which groups are or will be ripe first, and when.
-- The same as GroupRules::ripe_at.
-- $2 the grace period   $3 the longest delay, NULL for none   $4 the size at which a group is ripe, NULL for none
-- $5 how many at most   $6 now
, ends AS MATERIALIZED (
    SELECT queue, name,
           (SELECT t.at FROM aftercommit.tasks AS t
             WHERE t.queue = groups.queue AND t.state = 1 AND t.group_name = groups.name AND t.batch IS NULL
             ORDER BY t.batch, t.at, t.pos LIMIT 1) AS oldest,
           (SELECT t.at FROM aftercommit.tasks AS t
             WHERE t.queue = groups.queue AND t.state = 1 AND t.group_name = groups.name AND t.batch IS NULL
             ORDER BY t.batch DESC, t.at DESC, t.pos DESC LIMIT 1) AS newest,
           $4::bigint IS NOT NULL
           AND (SELECT t.seq FROM aftercommit.tasks AS t
                 WHERE t.queue = groups.queue AND t.state = 1 AND t.group_name = groups.name AND t.batch IS NULL
                 ORDER BY t.batch, t.at, t.pos OFFSET coalesce($4::bigint, 1) - 1 LIMIT 1) IS NOT NULL AS is_full
      FROM groups
),
ripening AS (
    SELECT queue, name,
           least(newest + $2, coalesce(oldest + $3, newest + $2), CASE WHEN is_full THEN newest ELSE newest + $2 END)
           AS ripe_at
      FROM ends
     ORDER BY ripe_at, queue, name LIMIT $5
)
