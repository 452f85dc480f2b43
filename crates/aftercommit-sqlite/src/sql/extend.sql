-- active -> active, with another end of the lease.
-- ?1 leases: [[seq, epoch, queue, id], ..]   ?2 when they end
UPDATE aftercommit_tasks SET at = ?2
 WHERE seq IN (SELECT t.seq FROM json_each(?1) AS l CROSS JOIN aftercommit_tasks AS t
                WHERE t.seq = json_extract(l.value, '$[0]') AND t.epoch & 65535 = json_extract(l.value, '$[1]')
                  AND t.queue = json_extract(l.value, '$[2]') AND t.id = json_extract(l.value, '$[3]')
                  AND t.state = 3)
