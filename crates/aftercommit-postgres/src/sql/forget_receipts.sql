-- Deletes receipts that no settle asks for any more.
-- $1 now   $2 how old, in milliseconds   $3 how many at most
DELETE FROM aftercommit.receipts
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM aftercommit.receipts
                          WHERE finished_at <= (SELECT aftercommit.moment($1)) - $2
                          ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED))
