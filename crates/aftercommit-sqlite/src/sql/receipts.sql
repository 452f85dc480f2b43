-- No transition: which of these leases have ended in a transaction of their handler.
-- ?1 leases: [[seq, epoch, queue, id], ..]
SELECT l.key FROM json_each(?1) AS l
 WHERE EXISTS (SELECT 1 FROM aftercommit_receipts AS r
                WHERE r.seq = json_extract(l.value, '$[0]') AND r.epoch = json_extract(l.value, '$[1]'))
