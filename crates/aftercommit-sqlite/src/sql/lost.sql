-- No transition: which of these leases are not the current ones.
-- ?1 leases: [[seq, epoch, queue, id], ..]
SELECT l.key FROM json_each(?1) AS l
 WHERE NOT EXISTS (SELECT 1 FROM aftercommit_tasks AS t
                    WHERE t.seq = json_extract(l.value, '$[0]')
                      AND t.epoch & 65535 = json_extract(l.value, '$[1]')
                      AND t.queue = json_extract(l.value, '$[2]') AND t.id = json_extract(l.value, '$[3]')
                      AND t.state = 3)
