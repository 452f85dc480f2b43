-- Notes that an attempt was finished in a transaction of its handler.
-- ?1 seq   ?2 epoch   ?3 now
INSERT INTO aftercommit_receipts (seq, epoch, finished_at) VALUES (?1, ?2, ?3)
