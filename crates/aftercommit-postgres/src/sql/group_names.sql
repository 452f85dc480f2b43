-- The groups with waiting tasks, for the statement that follows. Jumps from name to name in the index.
-- $1 queues
WITH RECURSIVE
names (queue, name) AS (
    SELECT q.queue,
           (SELECT t.group_name FROM aftercommit.tasks AS t
             WHERE t.queue = q.queue AND t.state = 1 ORDER BY t.group_name LIMIT 1)
      FROM (SELECT DISTINCT queue COLLATE "C" AS queue FROM unnest($1::text[]) AS given (queue)) AS q
    UNION ALL
    SELECT names.queue,
           (SELECT t.group_name FROM aftercommit.tasks AS t
             WHERE t.queue = names.queue AND t.state = 1 AND t.group_name > names.name ORDER BY t.group_name LIMIT 1)
      FROM names WHERE names.name IS NOT NULL
),
-- A group may have nothing but tasks in batches. The order keeps Postgres from reading all the tasks once instead of looking
-- into each group.
groups AS (
    SELECT queue, name FROM names
     WHERE name IS NOT NULL
       AND (SELECT t.seq FROM aftercommit.tasks AS t
             WHERE t.queue = names.queue AND t.state = 1 AND t.group_name = names.name AND t.batch IS NULL
             ORDER BY t.batch, t.at, t.pos LIMIT 1) IS NOT NULL
)
