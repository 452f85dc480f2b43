-- (nothing) -> pending | scheduled | aggregating, in whatever transaction the caller is in.
--
-- A function, because an insert and the look at the tasks that are over need a snapshot each: whoever ends a task moves it
-- from the one table to the other, and a single snapshot might see it in neither. Two statements in one round trip.

-- What a unique lock is about, beside the queue: a digest of type and payload. The length keeps a type that ends as a
-- payload begins from meeting another such pair.
CREATE FUNCTION aftercommit.lock_key(task_type text, payload bytea) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT sha256(int8send(octet_length(task_type)::bigint) || convert_to(task_type, 'UTF8') || payload) $$;

-- Stores tasks, any of which may ask for a unique lock; one by one, since the fate of one may depend on that of another.
-- Arguments and answer as those of store_tasks.
CREATE FUNCTION aftercommit.store_unique_tasks(
    queues text[], ids text[], types text[], dues bigint[], option_texts text[], group_names text[], payloads bytea[],
    lock_ms bigint[], tries integer[], recoveries integer[], errors text[], failures bigint[], given bigint
) RETURNS smallint[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan
    SET jit = off
AS $$
DECLARE
    present constant bigint := aftercommit.moment(given);
    -- For each task the place of the first one of the call that asks for the same lock; NULL if it asks for none.
    firsts   bigint[];
    -- Locks that are ours and that no task has yet, by the place of the first one that asks.
    unused   bigint[];
    answers  smallint[] := '{}';
    answer   smallint;
    stored   bigint;
    task     record;
BEGIN
    SELECT array_agg(CASE WHEN asked.ms IS NOT NULL THEN asked.first END ORDER BY asked.nth)
      INTO firsts
      FROM (SELECT g.nth, g.ms, min(g.nth) FILTER (WHERE g.ms IS NOT NULL)
                                OVER (PARTITION BY g.queue, g.task_type, g.payload) AS first
              FROM unnest(queues, types, payloads, lock_ms)
                   WITH ORDINALITY AS g (queue, task_type, payload, ms, nth)) AS asked;

    -- In an order that is the same for all who ask, so that no two wait for each other. Whoever meets a lock of a
    -- transaction that is open waits for its end. A lock that is held is not touched: to touch it is to lock its row, and
    -- its owner could not give it up before the end of our transaction.
    WITH asked AS MATERIALIZED (
        SELECT g.nth, g.queue, aftercommit.lock_key(g.task_type, g.payload) AS key, g.id, present + g.ms AS until
          FROM unnest(queues, ids, types, payloads, lock_ms, firsts)
               WITH ORDINALITY AS g (queue, id, task_type, payload, ms, first, nth)
         WHERE g.first = g.nth
    ),
    taken AS (
        INSERT INTO aftercommit.unique_locks AS l (queue, key, id, until)
        SELECT a.queue, a.key, a.id, a.until
          FROM asked AS a
         WHERE NOT EXISTS (SELECT 1 FROM aftercommit.unique_locks AS held
                            WHERE held.queue = a.queue AND held.key = a.key AND held.until > present)
         ORDER BY a.queue COLLATE "C", a.key
            ON CONFLICT (queue, key) DO UPDATE
           SET id = excluded.id, until = excluded.until
         WHERE l.until <= present
        RETURNING l.queue, l.key
    )
    SELECT coalesce(array_agg(a.nth), '{}') INTO unused
      FROM asked AS a JOIN taken AS t ON t.queue = a.queue AND t.key = a.key;

    FOR task IN
        SELECT g.*
          FROM unnest(queues, ids, types, dues, option_texts, group_names, payloads, lock_ms, tries, recoveries, errors,
                      failures, firsts)
               WITH ORDINALITY AS g (queue, id, task_type, due, options, group_name, payload, ms, retried, recovered, error,
                                     failed_at, first, nth)
         ORDER BY g.nth
    LOOP
        IF task.first IS NOT NULL AND NOT task.first = ANY (unused) THEN
            answer := CASE
                WHEN EXISTS (SELECT 1 FROM aftercommit.tasks AS t WHERE t.queue = task.queue AND t.id = task.id)
                  OR EXISTS (SELECT 1 FROM aftercommit.ended AS e WHERE e.id = task.id AND e.queue COLLATE "POSIX" = task.queue)
                THEN 1 ELSE 2 END;
        ELSE
            INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, retried, recovered, last_error,
                                           last_failed_at, unique_key, group_name, payload)
            SELECT n.seq,
                   CASE WHEN task.due IS NOT NULL THEN 4 WHEN task.group_name IS NOT NULL THEN 1 ELSE 2 END,
                   n.seq, coalesce(task.due, present), task.queue, task.id, task.task_type, task.options,
                   coalesce(task.retried, 0), coalesce(task.recovered, 0), task.error, task.failed_at,
                   CASE WHEN task.first IS NOT NULL THEN aftercommit.lock_key(task.task_type, task.payload) END,
                   task.group_name, task.payload
              FROM (SELECT nextval('aftercommit.tasks_seq_seq') AS seq) AS n
                ON CONFLICT (queue, id) DO NOTHING
            RETURNING seq INTO stored;
            IF stored IS NULL THEN
                answer := 1;
            ELSIF EXISTS (SELECT 1 FROM aftercommit.ended AS e WHERE e.id = task.id AND e.queue COLLATE "POSIX" = task.queue) THEN
                DELETE FROM aftercommit.tasks AS t WHERE t.seq = stored;
                answer := 1;
            ELSE
                answer := 0;
                IF task.first IS NOT NULL THEN
                    unused := array_remove(unused, task.first);
                    IF task.first <> task.nth THEN
                        UPDATE aftercommit.unique_locks AS l
                           SET id = task.id, until = present + task.ms
                         WHERE l.queue = task.queue AND l.key = aftercommit.lock_key(task.task_type, task.payload);
                    END IF;
                END IF;
            END IF;
        END IF;
        answers := answers || answer;
    END LOOP;

    IF cardinality(unused) > 0 THEN
        DELETE FROM aftercommit.unique_locks AS l
         USING unnest(queues, types, payloads) WITH ORDINALITY AS g (queue, task_type, payload, nth)
         WHERE g.nth = ANY (unused) AND l.queue = ANY (ARRAY[g.queue])
           AND l.key = ANY (ARRAY[aftercommit.lock_key(g.task_type, g.payload)]);
    END IF;
    RETURN answers;
END
$$;

-- Stores tasks and answers for each, in their order: 0 stored, 1 its id is taken, 2 another task holds its unique lock. A
-- refused task leaves nothing behind, and the transaction goes on. Nobody is woken.
--   queues, ids, types     what they are called
--   dues                   when they may run, in milliseconds; NULL for at once
--   option_texts           what was asked for beside the defaults: see the column; NULL for the defaults
--   group_names            the group that a task is to wait in, NULL for none
--   payloads
--   lock_ms                for how long to take a unique lock, NULL for none; the whole may be NULL, as all that follow
--   tries, recoveries, errors, failures   the past of tasks that have one
--   given                  the present moment, NULL for that of the database
CREATE FUNCTION aftercommit.store_tasks(
    queues text[], ids text[], types text[], dues bigint[], option_texts text[], group_names text[], payloads bytea[],
    lock_ms bigint[] DEFAULT NULL, tries integer[] DEFAULT NULL, recoveries integer[] DEFAULT NULL,
    errors text[] DEFAULT NULL, failures bigint[] DEFAULT NULL, given bigint DEFAULT NULL
) RETURNS smallint[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    -- The plans are kept, and may be made while the tables are still empty.
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan
    SET jit = off
AS $$
DECLARE
    present constant bigint := aftercommit.moment(given);
    stored  bigint[];
    answers smallint[];
BEGIN
    IF lock_ms IS NOT NULL THEN
        RETURN aftercommit.store_unique_tasks(queues, ids, types, dues, option_texts, group_names, payloads, lock_ms, tries,
                                              recoveries, errors, failures, present);
    END IF;

    -- Nearly always nothing is taken. An insert that would pass over what is costs a third more for each row, and the
    -- subtransaction that takes its place costs a little for each call.
    IF cardinality(ids) >= 16 THEN
        BEGIN
            INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, retried, recovered, last_error,
                                           last_failed_at, group_name, payload)
            SELECT n.seq, CASE WHEN n.due IS NOT NULL THEN 4 WHEN n.group_name IS NOT NULL THEN 1 ELSE 2 END,
                   n.seq, coalesce(n.due, present), n.queue, n.id, n.task_type, n.options, coalesce(n.retried, 0),
                   coalesce(n.recovered, 0), n.error, n.failed_at, n.group_name, n.payload
              FROM (SELECT nextval('aftercommit.tasks_seq_seq') AS seq, g.*
                      FROM unnest(queues, ids, types, dues, option_texts, group_names, payloads, tries, recoveries, errors,
                                  failures)
                           WITH ORDINALITY AS g (queue, id, task_type, due, options, group_name, payload, retried, recovered,
                                                 error, failed_at, nth)
                     ORDER BY g.nth) AS n;
            -- A statement of its own sees what ended while the insert waited. What it finds may be another queue's.
            IF NOT EXISTS (SELECT 1 FROM aftercommit.ended AS e
                            WHERE e.id = ANY (ids) AND e.queue COLLATE "POSIX" = ANY (queues))
            THEN
                RETURN array_fill(0::smallint, ARRAY[cardinality(ids)]);
            END IF;
            RAISE unique_violation;
        EXCEPTION WHEN unique_violation THEN
            -- Nothing of it was stored; now with care.
        END;
    END IF;

    WITH new AS (
        INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, retried, recovered, last_error,
                                       last_failed_at, group_name, payload)
        SELECT n.seq, CASE WHEN n.due IS NOT NULL THEN 4 WHEN n.group_name IS NOT NULL THEN 1 ELSE 2 END,
               n.seq, coalesce(n.due, present), n.queue, n.id, n.task_type, n.options, coalesce(n.retried, 0),
               coalesce(n.recovered, 0), n.error, n.failed_at, n.group_name, n.payload
          FROM (SELECT nextval('aftercommit.tasks_seq_seq') AS seq, g.*
                  FROM unnest(queues, ids, types, dues, option_texts, group_names, payloads, tries, recoveries, errors,
                              failures)
                       WITH ORDINALITY AS g (queue, id, task_type, due, options, group_name, payload, retried, recovered,
                                             error, failed_at, nth)
                 ORDER BY g.nth) AS n
            ON CONFLICT (queue, id) DO NOTHING
        RETURNING seq
    )
    SELECT array_agg(new.seq) INTO stored FROM new;
    IF cardinality(stored) = cardinality(ids)
       AND NOT EXISTS (SELECT 1 FROM aftercommit.ended AS e
                        WHERE e.id = ANY (ids) AND e.queue COLLATE "POSIX" = ANY (queues))
    THEN
        RETURN array_fill(0::smallint, ARRAY[cardinality(ids)]);
    END IF;

    DELETE FROM aftercommit.tasks AS t
     WHERE t.seq = ANY (stored)
       AND EXISTS (SELECT 1 FROM aftercommit.ended AS e WHERE e.id = t.id AND e.queue COLLATE "POSIX" = t.queue OFFSET 0);

    -- Of tasks with the same id the first one was stored, if any was.
    SELECT array_agg(CASE WHEN g.nth = g.first AND g.seq = ANY (stored) THEN 0 ELSE 1 END ORDER BY g.nth) INTO answers
      FROM (SELECT u.nth, min(u.nth) OVER (PARTITION BY u.queue, u.id) AS first,
                   (SELECT t.seq FROM aftercommit.tasks AS t WHERE t.queue = u.queue AND t.id = u.id) AS seq
              FROM unnest(queues, ids) WITH ORDINALITY AS u (queue, id, nth)) AS g;
    RETURN answers;
END
$$;

-- Stores one task with an id that was made for it and without a unique lock: nothing can be in its way, and it costs less
-- than half of what store_tasks does. Arguments as there.
CREATE FUNCTION aftercommit.store_new_task(
    queue text, id text, task_type text, due bigint, options text, group_name text, payload bytea, given bigint DEFAULT NULL
) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    place constant bigint := nextval('aftercommit.tasks_seq_seq');
BEGIN
    INSERT INTO aftercommit.tasks (seq, state, pos, at, queue, id, task_type, options, group_name, payload)
    VALUES (place, CASE WHEN due IS NOT NULL THEN 4 WHEN group_name IS NOT NULL THEN 1 ELSE 2 END, place,
            coalesce(due, aftercommit.moment(given)), queue, id, task_type, options, group_name, payload);
END
$$;
