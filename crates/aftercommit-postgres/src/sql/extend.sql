-- active -> active, with another end of the lease. Answers with the tokens of the leases that are current.
-- $1 seqs, in ascending order   $2 tokens   $3 queues   $4 ids   $5 now   $6 for how long, in milliseconds
-- A row that is locked is passed over and answered for as it was last committed: its handler may be finishing the task in a
-- transaction that takes its time, and the leases of the others must not run out meanwhile. Nobody can take it before that
-- ends. Why the rows are found so stands in finish.sql.
WITH current AS MATERIALIZED (
    SELECT t.seq, l.token
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS l (seq, token, queue, id)
      JOIN aftercommit.tasks AS t
        ON t.seq = ANY (ARRAY[l.seq])
       AND ((t.seq << 16) | (t.epoch & 65535)) = l.token
       AND t.leased_until > 0
       AND t.queue COLLATE "POSIX" = l.queue AND t.id COLLATE "POSIX" = l.id
),
free AS MATERIALIZED (
    SELECT t.seq
      FROM current AS c
      JOIN aftercommit.tasks AS t
        ON t.seq = ANY (ARRAY[c.seq]) AND ((t.seq << 16) | (t.epoch & 65535)) = c.token AND t.leased_until > 0
       FOR NO KEY UPDATE OF t SKIP LOCKED
),
extended AS (
    UPDATE aftercommit.tasks AS t
       SET leased_until = (SELECT aftercommit.moment($5)) + $6
      FROM free
     WHERE t.seq = ANY (ARRAY[free.seq])
)
SELECT token FROM current
