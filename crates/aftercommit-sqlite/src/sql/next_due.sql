-- No transition: when the next waiting task of these queues is due; NULL if none waits.
-- ?1 queues: [name, ..]
SELECT min((SELECT at FROM aftercommit_tasks WHERE queue = q.value AND state > 3 ORDER BY at LIMIT 1))
  FROM json_each(?1) AS q
