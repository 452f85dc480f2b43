-- active -> (nothing), for tasks that are done. Frees their unique locks and counts them. Answers with the places of the
-- leases that were current.
-- $1 seqs, in ascending order   $2 epochs   $3 queues   $4 ids   $5 now
WITH present AS MATERIALIZED (SELECT aftercommit.moment($5) AS now),
gone AS (
    DELETE FROM aftercommit.tasks AS t
     USING unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) WITH ORDINALITY AS l (seq, epoch, queue, id, nth)
     WHERE t.seq = l.seq AND t.epoch & 65535 = l.epoch AND t.queue = l.queue AND t.id = l.id AND t.state = 3
    RETURNING l.nth, t.queue, t.id, t.unique_key
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT queue, unique_key, id FROM gone WHERE unique_key IS NOT NULL ORDER BY queue, unique_key) AS g, present
     WHERE u.queue = g.queue AND u.key = g.unique_key AND u.id = g.id AND u.until > present.now
),
counted AS (
    INSERT INTO aftercommit.count_changes (queue, day, processed, failed)
    SELECT queue, (SELECT now / 86400000 FROM present), count(*), 0 FROM gone GROUP BY queue
)
SELECT nth FROM gone
