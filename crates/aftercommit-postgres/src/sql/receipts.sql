-- No transition: which of these leases have ended in a transaction of their handler, as tokens.
-- $1 seqs   $2 tokens
SELECT (r.seq << 16) | r.epoch FROM aftercommit.receipts AS r
 WHERE r.seq = ANY ($1::bigint[]) AND ((r.seq << 16) | r.epoch) = ANY ($2::bigint[])
