-- active -> (nothing), for tasks that are done. Frees their unique locks and counts them. Answers with the tokens of the
-- leases that were current.
-- $1 seqs, in ascending order   $2 tokens   $3 queues   $4 ids   $5 now
-- A token is given once; queue and id are looked at only to refuse what somebody has put together by hand.
--
-- As everywhere below, rows are found by seq, and one by one, whatever the planner thinks: it thinks little of a table, or
-- of an index of some states, that was empty when it last counted, and would read all of it. `= ANY` takes from it the
-- joins that begin there, and the collation the index of the ids.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($5) AS now),
gone AS (
    DELETE FROM aftercommit.tasks AS t
     USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS l (seq, token, queue, id)
     WHERE t.seq = ANY (ARRAY[l.seq])
       AND ((t.seq << 16) | (t.epoch & 65535)) = l.token
       AND t.leased_until > 0
       AND t.queue COLLATE "POSIX" = l.queue AND t.id COLLATE "POSIX" = l.id
    RETURNING l.token, t.queue, t.id, t.unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT g.queue, g.unique_key, g.id, present.now FROM gone AS g, present
             WHERE g.unique_key IS NOT NULL ORDER BY g.queue, g.unique_key) AS g
     WHERE u.queue = ANY (ARRAY[g.queue]) AND u.key = ANY (ARRAY[g.unique_key]) AND u.id = g.id AND u.until > g.now
),
counted AS (
    INSERT INTO aftercommit.count_changes (queue, day, processed, failed)
    SELECT queue, (SELECT now / 86400000 FROM present), count(*), 0 FROM gone GROUP BY queue
)
SELECT token FROM gone
