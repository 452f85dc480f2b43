-- active -> active, with another end of the lease. Answers with the tokens of the leases that are current.
-- $1 seqs   $2 tokens   $3 queues   $4 ids   $5 now   $6 for how long, in milliseconds
-- Why it is written so stands in finish.sql.
UPDATE aftercommit.tasks AS t
   SET leased_until = (SELECT aftercommit.moment($5)) + $6
 WHERE t.seq = ANY ($1::bigint[])
   AND ((t.seq << 16) | (t.epoch & 65535)) = ANY ($2::bigint[])
   AND t.state + 0 = 3
   AND t.queue COLLATE "POSIX" = ANY ($3::text[]) AND t.id COLLATE "POSIX" = ANY ($4::text[])
RETURNING (t.seq << 16) | (t.epoch & 65535)
