-- active -> (nothing) | pending | retry | archived | completed. Answers with the places of the leases that were current.
-- $1 seqs, in ascending order   $2 epochs   $3 queues   $4 ids   $5 now
-- $6 what they become: 0 nothing, 2 pending, 5 retry, 6 archived, 7 completed   $7 retries or recoveries to add
-- $8 when they are due, or for how long they are kept   $9 errors   $10 results
-- $11 their places in the batch, which is their order at the front of a queue
-- A lock that has run out is left where it is: somebody may be taking it over, and must not be waited for.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($5) AS now),
held AS MATERIALIZED (
    SELECT l.nth, l.becomes, l.added, l.moment, l.error, l.result, l.place, p.now, t.seq, t.queue, t.id, t.task_type,
           t.options, t.retried, t.recovered, t.last_error, t.last_failed_at, t.unique_key, t.group_name, t.payload
      FROM present AS p,
           unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $6::smallint[], $7::integer[], $8::bigint[], $9::text[],
                  $10::bytea[], $11::bigint[])
           WITH ORDINALITY AS l (seq, epoch, queue, id, becomes, added, moment, error, result, place, nth),
           aftercommit.tasks AS t
     WHERE t.seq = l.seq AND t.epoch & 65535 = l.epoch AND t.queue = l.queue AND t.id = l.id AND t.state = 3
     ORDER BY l.seq
       FOR UPDATE OF t
),
gone AS (
    DELETE FROM aftercommit.tasks AS t USING held AS h WHERE t.seq = h.seq AND h.becomes IN (0, 6, 7)
),
ended AS (
    INSERT INTO aftercommit.ended (state, ended_at, expires_at, queue, id, task_type, options, retried, recovered, last_error,
                                   last_failed_at, unique_key, group_name, payload, result)
    SELECT h.becomes, h.now, CASE WHEN h.becomes = 7 THEN h.now + h.moment END, h.queue, h.id, h.task_type, h.options,
           h.retried, h.recovered,
           CASE WHEN h.becomes = 6 THEN h.error ELSE h.last_error END,
           CASE WHEN h.becomes = 6 THEN h.now ELSE h.last_failed_at END,
           CASE WHEN h.becomes = 6 THEN h.unique_key END,
           h.group_name, h.payload, h.result
      FROM held AS h WHERE h.becomes IN (6, 7)
     ORDER BY h.place
        ON CONFLICT (queue, id) DO UPDATE
       SET state = excluded.state, ended_at = excluded.ended_at, expires_at = excluded.expires_at,
           task_type = excluded.task_type, options = excluded.options, retried = excluded.retried,
           recovered = excluded.recovered, last_error = excluded.last_error, last_failed_at = excluded.last_failed_at,
           unique_key = excluded.unique_key, group_name = excluded.group_name, payload = excluded.payload,
           result = excluded.result
),
front AS MATERIALIZED (
    SELECT r.seq, nextval('aftercommit.tasks_front_seq') AS pos
      FROM (SELECT seq FROM held WHERE becomes = 2 ORDER BY place DESC) AS r
),
returned AS (
    UPDATE aftercommit.tasks AS t
       SET state = 2, at = h.now, pos = f.pos, recovered = t.recovered + h.added
      FROM front AS f, held AS h
     WHERE h.seq = f.seq AND t.seq = h.seq AND h.becomes = 2
),
postponed AS (
    UPDATE aftercommit.tasks AS t
       SET state = 5, at = h.moment, retried = t.retried + h.added, last_error = h.error, last_failed_at = h.now
      FROM held AS h
     WHERE t.seq = h.seq AND h.becomes = 5
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT queue, unique_key, id, now FROM held
             WHERE unique_key IS NOT NULL AND becomes IN (0, 7) ORDER BY queue, unique_key) AS g
     WHERE u.queue = g.queue AND u.key = g.unique_key AND u.id = g.id AND u.until > g.now
),
counted AS (
    INSERT INTO aftercommit.count_changes (queue, day, processed, failed)
    SELECT queue, now / 86400000, count(*), count(*) FILTER (WHERE becomes IN (5, 6))
      FROM held WHERE becomes IN (0, 6, 7) OR (becomes = 5 AND added > 0)
     GROUP BY queue, now
)
SELECT nth FROM held
