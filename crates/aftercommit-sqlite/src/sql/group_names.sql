-- The groups with waiting tasks, for the statement that follows. Jumps from name to name in the index.
-- ?1 queues: [name, ..]
WITH RECURSIVE
groups(queue, name) AS (
    SELECT q.value,
           (SELECT t.group_name FROM aftercommit_tasks AS t
             WHERE t.queue = q.value AND t.state = 1 AND t.batch IS NULL
             ORDER BY t.group_name LIMIT 1)
      FROM json_each(?1) AS q
    UNION
    SELECT groups.queue,
           (SELECT t.group_name FROM aftercommit_tasks AS t
             WHERE t.queue = groups.queue AND t.state = 1 AND t.batch IS NULL AND t.group_name > groups.name
             ORDER BY t.group_name LIMIT 1)
      FROM groups WHERE groups.name IS NOT NULL
)
