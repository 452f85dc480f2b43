-- Deletes receipts that no settle asks for any more.
-- ?1 of attempts finished up to   ?2 how many at most
DELETE FROM aftercommit_receipts
 WHERE (seq, epoch) IN (SELECT seq, epoch FROM aftercommit_receipts
                         WHERE finished_at <= ?1 ORDER BY finished_at LIMIT ?2 + 0)
