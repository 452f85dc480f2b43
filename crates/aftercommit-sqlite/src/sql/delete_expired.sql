-- completed -> (nothing), when the retention is over.
-- ?1 queues: [name, ..]   ?2 now   ?3 how many at most
DELETE FROM aftercommit_ended
 WHERE seq IN (SELECT e.seq FROM json_each(?1) AS q CROSS JOIN aftercommit_ended AS e
                WHERE e.queue = q.value AND e.expires_at <= ?2 LIMIT ?3 + 0)
