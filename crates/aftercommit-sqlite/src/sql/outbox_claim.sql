-- waiting -> claimed.
-- ?1 [seq, ..]   ?2 when the claim ends
UPDATE aftercommit_outbox SET free_at = ?2, epoch = epoch + 1 WHERE seq IN (SELECT value FROM json_each(?1))
