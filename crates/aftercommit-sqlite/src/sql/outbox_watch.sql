-- kept -> kept and being looked at.
-- ?1 [seq, ..]   ?2 until when
UPDATE aftercommit_outbox SET look_at = ?2, epoch = epoch + 1 WHERE seq IN (SELECT value FROM json_each(?1))
