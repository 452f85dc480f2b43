-- No transition: batches whose deadline has passed, the longest overdue first.
-- ?1 queues: [name, ..]   ?2 now   ?3 how many at most
SELECT b.key, b.queue, b.group_name
  FROM json_each(?1) AS q CROSS JOIN aftercommit_batches AS b ON b.queue = q.value AND b.deadline <= ?2
 ORDER BY b.deadline, b.key LIMIT ?3 + 0
