-- active -> active, with another end of the lease. Answers with the tokens of the leases that are current.
-- $1 seqs   $2 tokens   $3 queues   $4 ids   $5 now   $6 for how long, in milliseconds
-- A row that is locked is passed over and answered for as it was last committed: its handler may be finishing the task in a
-- transaction that takes its time, and the leases of the others must not run out meanwhile. Nobody can take it before that
-- ends. Why the rows are found so stands in finish.sql.
WITH current AS MATERIALIZED (
    SELECT t.seq, (t.seq << 16) | (t.epoch & 65535) AS token
      FROM aftercommit.tasks AS t
     WHERE t.seq = ANY ($1::bigint[])
       AND ((t.seq << 16) | (t.epoch & 65535)) = ANY ($2::bigint[])
       AND t.leased_until > 0
       AND t.queue COLLATE "POSIX" = ANY ($3::text[]) AND t.id COLLATE "POSIX" = ANY ($4::text[])
),
free AS MATERIALIZED (
    SELECT t.seq
      FROM aftercommit.tasks AS t
     WHERE t.seq = ANY (ARRAY(SELECT seq FROM current))
       AND ((t.seq << 16) | (t.epoch & 65535)) = ANY ($2::bigint[])
       AND t.leased_until > 0
       FOR NO KEY UPDATE SKIP LOCKED
),
extended AS (
    UPDATE aftercommit.tasks AS t
       SET leased_until = (SELECT aftercommit.moment($5)) + $6
     WHERE t.seq = ANY (ARRAY(SELECT seq FROM free))
)
SELECT token FROM current
