-- No transition: each group and the number of its tasks.
SELECT name, (SELECT count(*) FROM aftercommit_tasks AS t
               WHERE t.queue = groups.queue AND t.state = 1 AND t.batch IS NULL AND t.group_name = groups.name)
  FROM groups WHERE name IS NOT NULL
 ORDER BY name
