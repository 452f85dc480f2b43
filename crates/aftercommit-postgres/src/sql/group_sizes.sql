-- No transition: each group and the number of its tasks.
SELECT name, (SELECT count(*) FROM aftercommit.tasks AS t
               WHERE t.queue = groups.queue AND t.state = 1 AND t.group_name = groups.name AND t.batch IS NULL)
  FROM groups
 ORDER BY name
