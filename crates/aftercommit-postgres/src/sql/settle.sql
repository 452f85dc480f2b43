-- active -> (nothing) | pending | retry | archived | completed. Answers with the tokens of the leases that were current.
-- $1 seqs, in ascending order   $2 tokens   $3 queues   $4 ids   $5 now
-- $6 what they become: 0 nothing, 2 pending, 5 retry, 6 archived, 7 completed   $7 retries or recoveries to add
-- $8 when they are due, or for how long they are kept   $9 errors   $10 results
-- $11 their places in the batch, which is their order at the front of a queue
-- Why rows are found so stands in finish.sql. A lock that has run out is left where it is: somebody may be taking it over,
-- and must not be waited for.
WITH present AS MATERIALIZED (SELECT aftercommit.moment($5) AS now),
held AS MATERIALIZED (
    SELECT l.token, l.becomes, l.added, l.moment, l.error, l.result, l.place, t.*
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $6::smallint[], $7::integer[], $8::bigint[], $9::text[],
                  $10::bytea[], $11::bigint[])
           AS l (seq, token, queue, id, becomes, added, moment, error, result, place)
           CROSS JOIN LATERAL (
               SELECT t.seq, t.queue, t.id, t.task_type, t.options, t.retried, t.recovered, t.last_error, t.last_failed_at,
                      t.unique_key, t.group_name, t.payload
                 FROM aftercommit.tasks AS t
                WHERE t.seq = ANY (ARRAY[l.seq])
                  AND ((t.seq << 16) | (t.epoch & 65535)) = l.token
                  AND t.leased_until > 0
                  AND t.queue COLLATE "POSIX" = l.queue AND t.id COLLATE "POSIX" = l.id
                  FOR UPDATE) AS t
),
gone AS (
    DELETE FROM aftercommit.tasks
     WHERE seq = ANY (ARRAY(SELECT seq FROM held WHERE becomes IN (0, 6, 7)))
),
ended AS (
    INSERT INTO aftercommit.ended (state, ended_at, expires_at, queue, id, task_type, options, retried, recovered, last_error,
                                   last_failed_at, unique_key, group_name, payload, result)
    SELECT h.becomes, p.now, CASE WHEN h.becomes = 7 THEN p.now + h.moment END, h.queue, h.id, h.task_type, h.options,
           h.retried, h.recovered,
           CASE WHEN h.becomes = 6 THEN h.error ELSE h.last_error END,
           CASE WHEN h.becomes = 6 THEN p.now ELSE h.last_failed_at END,
           CASE WHEN h.becomes = 6 THEN h.unique_key END,
           h.group_name, h.payload, h.result
      FROM held AS h, present AS p WHERE h.becomes IN (6, 7)
     ORDER BY h.place
        ON CONFLICT (queue, id) DO UPDATE
       SET state = excluded.state, ended_at = excluded.ended_at, expires_at = excluded.expires_at,
           task_type = excluded.task_type, options = excluded.options, retried = excluded.retried,
           recovered = excluded.recovered, last_error = excluded.last_error, last_failed_at = excluded.last_failed_at,
           unique_key = excluded.unique_key, group_name = excluded.group_name, payload = excluded.payload,
           result = excluded.result
),
returned AS (
    UPDATE aftercommit.tasks AS t
       SET leased_until = 0, at = (SELECT now FROM present), pos = f.pos, recovered = t.recovered + f.added
      FROM (SELECT r.seq, r.added, nextval('aftercommit.tasks_front_seq') AS pos
              FROM (SELECT seq, added FROM held WHERE becomes = 2 ORDER BY place DESC) AS r) AS f
     WHERE t.seq = ANY (ARRAY[f.seq])
),
postponed AS (
    UPDATE aftercommit.tasks AS t
       SET state = 5, leased_until = 0, at = h.moment, retried = t.retried + h.added, last_error = h.error,
           last_failed_at = (SELECT now FROM present)
      FROM held AS h
     WHERE t.seq = ANY (ARRAY[h.seq]) AND h.becomes = 5
),
freed AS (
    DELETE FROM aftercommit.unique_locks AS u
     USING (SELECT h.queue, h.unique_key, h.id, p.now FROM held AS h, present AS p
             WHERE h.unique_key IS NOT NULL AND h.becomes IN (0, 7) ORDER BY h.queue, h.unique_key) AS g
     WHERE u.queue = ANY (ARRAY[g.queue]) AND u.key = ANY (ARRAY[g.unique_key]) AND u.id = g.id AND u.until > g.now
),
counted AS (
    INSERT INTO aftercommit.count_changes (queue, day, processed, failed)
    SELECT h.queue, p.now / 86400000, count(*), count(*) FILTER (WHERE h.becomes IN (5, 6))
      FROM held AS h, present AS p WHERE h.becomes IN (0, 6, 7) OR (h.becomes = 5 AND h.added > 0)
     GROUP BY h.queue, p.now
)
