-- active -> (nothing). Frees the unique lock, which is part of the row.
-- ?1 leases: [[seq, epoch, queue, id], ..]
WITH lease AS MATERIALIZED (SELECT value AS item FROM json_each(?1))
DELETE FROM aftercommit_tasks
 WHERE seq IN (SELECT t.seq FROM lease CROSS JOIN aftercommit_tasks AS t
                WHERE t.seq = json_extract(item, '$[0]') AND t.epoch & 65535 = json_extract(item, '$[1]')
                  AND t.queue = json_extract(item, '$[2]') AND t.id = json_extract(item, '$[3]')
                  AND t.state = 3)
