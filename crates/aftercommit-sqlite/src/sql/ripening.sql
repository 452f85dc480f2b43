-- No transition: which groups are or will be ripe first, and when.
-- The same as GroupRules::ripe_at.
-- ?2 the grace period   ?3 the longest delay, NULL for none   ?4 the size at which a group is ripe, NULL for
-- none   ?5 how many at most
SELECT queue, name,
       min(last + ?2, ifnull(first + ?3, last + ?2), iif(is_full, last, last + ?2)) AS ripe_at
  FROM (SELECT queue, name,
               (SELECT t.at FROM aftercommit_tasks AS t
                 WHERE t.queue = groups.queue AND t.state = 1 AND t.batch IS NULL AND t.group_name = groups.name
                 ORDER BY t.at LIMIT 1) AS first,
               (SELECT t.at FROM aftercommit_tasks AS t
                 WHERE t.queue = groups.queue AND t.state = 1 AND t.batch IS NULL AND t.group_name = groups.name
                 ORDER BY t.at DESC LIMIT 1) AS last,
               ?4 IS NOT NULL
               AND EXISTS (SELECT 1 FROM aftercommit_tasks AS t
                            WHERE t.queue = groups.queue AND t.state = 1 AND t.batch IS NULL
                              AND t.group_name = groups.name
                            LIMIT 1 OFFSET ifnull(?4, 1) - 1) AS is_full
          FROM groups WHERE name IS NOT NULL)
 ORDER BY ripe_at LIMIT ?5 + 0
