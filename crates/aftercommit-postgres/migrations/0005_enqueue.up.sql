-- (nothing) -> pending | scheduled | aggregating, or waiting in the outbox, for everybody who speaks SQL: psql, a trigger, a
-- program in another language. The task exists if the transaction commits, as that of a Rust program does, and is stored in
-- the same form. Nobody is notified inside of the transaction; workers find the task when they look.

-- Why a text cannot be an id: NULL if it can. White space is what Rust takes for it.
CREATE FUNCTION aftercommit.id_fault(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN name !~ E'[^\\s\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
                      THEN 'it is blank'
                      WHEN octet_length(name) > 255 THEN 'it is longer than 255 bytes' END $$;

-- The same for the name of a type, a queue or a group.
CREATE FUNCTION aftercommit.name_fault(name text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(aftercommit.id_fault(name),
                          CASE WHEN name ~ E'[\\u0001-\\u001f\\u007f-\\u009f]' THEN 'it contains a control character' END) $$;

-- Why a length of time cannot be used: NULL if it can.
CREATE FUNCTION aftercommit.interval_fault(given interval) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN NOT isfinite(given) THEN 'it has no end' WHEN given < '0' THEN 'it is negative' END $$;

-- In milliseconds, rounded up. A month has 30 days.
CREATE FUNCTION aftercommit.interval_ms(given interval) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ceil(extract(epoch FROM given)::numeric * 1000)::bigint $$;

-- A UUID v7: ids made later sort later.
CREATE FUNCTION aftercommit.new_id(present bigint) RETURNS text
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    at     constant text := lpad(to_hex(present), 12, '0');
    -- Postgres 12 makes no random UUIDs.
    chance constant text := encode(sha256(convert_to(
        concat(random(), ' ', random(), ' ', clock_timestamp(), ' ', pg_backend_pid()), 'UTF8')), 'hex');
BEGIN
    RETURN left(at, 8) || '-' || right(at, 4) || '-7' || left(chance, 3) || '-'
        || substr('89ab', 1 + ascii(substr(chance, 4, 1)) % 4, 1) || substr(chance, 5, 3) || '-' || substr(chance, 8, 12);
END
$$;

-- The headers of a task as a JSON object of strings, as this library writes it; NULL for none.
CREATE FUNCTION aftercommit.header_text(headers jsonb) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    fault  text;
    inside text;
BEGIN
    IF headers IS NULL OR headers IN ('{}', 'null') THEN
        RETURN NULL;
    END IF;
    IF jsonb_typeof(headers) <> 'object' THEN
        fault := 'they are no object';
    ELSE
        SELECT CASE WHEN bool_or(jsonb_typeof(h.value) <> 'string') THEN 'a value is no string'
                    WHEN count(*) > 64 THEN 'there are more than 64' END,
               string_agg(to_json(h.key)::text || ':' || h.value::text, ',' ORDER BY h.key COLLATE "C")
          INTO fault, inside
          FROM jsonb_each(headers) AS h;
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'invalid headers: %', fault USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN '{' || inside || '}';
END
$$;

-- Checks what was asked for, and brings it into the form in which it is stored. Called by the functions below; who calls it
-- by himself gains nothing.
CREATE FUNCTION aftercommit.new_task(
    present bigint, type text, payload jsonb, queue text, id text, max_retry integer, timeout interval, deadline timestamptz,
    process_in interval, process_at timestamptz, unique_for interval, retention interval, group_name text, headers jsonb,
    on_conflict text,
    OUT its_queue text, OUT its_id text, OUT due bigint, OUT options text, OUT body bytea, OUT lock_ms bigint
)
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    fault        text;
    tries        constant integer := coalesce(max_retry, 25);
    retention_ms constant bigint  := coalesce(aftercommit.interval_ms(retention), 0);
    timeout_ms   bigint;
    deadline_ms  bigint;
    header_text  constant text    := aftercommit.header_text(headers);
BEGIN
    its_queue := coalesce(queue, 'default');
    fault := coalesce(
        'task type: ' || aftercommit.name_fault(coalesce(type, '')),
        'queue name: ' || aftercommit.name_fault(its_queue),
        CASE WHEN payload IS NULL THEN 'payload: it is NULL; the JSON for nothing is ''null''' END,
        CASE WHEN tries < 0 THEN 'max_retry: it is negative' END,
        CASE WHEN on_conflict NOT IN ('error', 'ignore') THEN 'on_conflict: it is neither ''error'' nor ''ignore''' END);
    -- Most tasks ask for none of these, and to check them would be a good part of what an enqueue costs.
    IF fault IS NULL
       AND num_nonnulls(id, group_name, timeout, deadline, process_in, process_at, unique_for, retention) > 0
    THEN
        fault := coalesce(
            'task id: ' || aftercommit.id_fault(id),
            'group name: ' || aftercommit.name_fault(group_name),
            'timeout: ' || aftercommit.interval_fault(timeout),
            CASE WHEN timeout = '0' THEN 'timeout: it is zero; leave it out for the default of 30 minutes' END,
            CASE WHEN NOT isfinite(deadline) THEN 'deadline: it has no end' END,
            'process_in: ' || aftercommit.interval_fault(process_in),
            CASE WHEN NOT isfinite(process_at) THEN 'process_at: it has no end' END,
            CASE WHEN num_nonnulls(process_in, process_at) = 2
                 THEN 'start time: process_in and process_at are both given' END,
            'unique_for: ' || aftercommit.interval_fault(unique_for),
            CASE WHEN unique_for < '1 second' THEN 'unique_for: it must hold for at least one second' END,
            'retention: ' || aftercommit.interval_fault(retention));
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'invalid %', fault USING ERRCODE = 'invalid_parameter_value';
    END IF;

    its_id := coalesce(id, aftercommit.new_id(present));
    -- Never early, and a task that is late is due now.
    IF process_in IS NOT NULL THEN
        due := present + aftercommit.interval_ms(process_in);
    ELSIF process_at IS NOT NULL THEN
        due := ceil(extract(epoch FROM process_at)::numeric * 1000)::bigint;
    END IF;
    IF due <= present THEN
        due := NULL;
    END IF;
    -- A lock outlives the wait.
    lock_ms := aftercommit.interval_ms(unique_for) + coalesce(due - present, 0);

    timeout_ms := aftercommit.interval_ms(timeout);
    deadline_ms := floor(extract(epoch FROM deadline)::numeric * 1000)::bigint;
    IF timeout_ms IS NULL AND deadline_ms IS NULL THEN
        timeout_ms := 1800000;
    END IF;
    IF tries <> 25 OR timeout_ms IS DISTINCT FROM 1800000 OR deadline_ms IS NOT NULL OR retention_ms > 0
       OR header_text IS NOT NULL
    THEN
        options := '{"max_retry":' || tries || coalesce(',"timeout_ms":' || timeout_ms, '')
            || coalesce(',"deadline":' || deadline_ms, '')
            || CASE WHEN retention_ms > 0 THEN ',"retention_ms":' || retention_ms ELSE '' END
            || coalesce(',"headers":' || header_text, '') || '}';
    END IF;
    body := convert_to(payload::text, 'UTF8');
END
$$;

-- Stores a task in the queue, in the transaction of the caller, and returns its id.
--   type, payload   what is to be done, and with what
--   queue           which workers do it
--   id              names the task in its queue, a new UUID if it is NULL; blocked while a task with it is in any state
--   max_retry       how many times it runs again after a failure
--   timeout         how long an attempt may take, 30 minutes if there is no deadline either; deadline: when the last one ends
--   process_in, process_at   not before then; one of them
--   unique_for      refuse another task with this queue, type and payload until this one is done, or for so long
--   retention       how long the task is kept once it is done
--   group_name      the group in which it waits to be aggregated with others
--   headers         an object of strings that travels with the task
--   on_conflict     what to do if the id is taken or a unique task exists: 'error' (23505), or 'ignore' and return NULL
-- Arguments that cannot be used are refused with 22023.
--
-- It runs with the rights of its owner, who is whoever migrated, so that who enqueues needs none to the tables: USAGE on the
-- schema and EXECUTE on this function are all, and both have to be granted. Every name in it has its schema, and its
-- search_path holds no schema in which others may create something.
CREATE FUNCTION aftercommit.enqueue(
    type text, payload jsonb, queue text DEFAULT 'default', id text DEFAULT NULL, max_retry integer DEFAULT 25,
    timeout interval DEFAULT NULL, deadline timestamptz DEFAULT NULL, process_in interval DEFAULT NULL,
    process_at timestamptz DEFAULT NULL, unique_for interval DEFAULT NULL, retention interval DEFAULT NULL,
    group_name text DEFAULT NULL, headers jsonb DEFAULT NULL, on_conflict text DEFAULT 'error'
) RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present constant bigint := aftercommit.moment(NULL);
    task    record;
    answer  smallint;
BEGIN
    task := aftercommit.new_task(present, type, payload, queue, id, max_retry, timeout, deadline, process_in, process_at,
                                 unique_for, retention, group_name, headers, on_conflict);
    IF num_nonnulls(id, unique_for) = 0 THEN
        PERFORM aftercommit.store_new_task(task.its_queue, task.its_id, type, task.due, task.options, group_name, task.body,
                                           present);
        RETURN task.its_id;
    END IF;
    answer := (aftercommit.store_tasks(
        ARRAY[task.its_queue], ARRAY[task.its_id], ARRAY[type], ARRAY[task.due], ARRAY[task.options], ARRAY[group_name],
        ARRAY[task.body], CASE WHEN task.lock_ms IS NOT NULL THEN ARRAY[task.lock_ms] END, given => present))[1];
    IF answer = 0 THEN
        RETURN task.its_id;
    ELSIF on_conflict = 'ignore' THEN
        RETURN NULL;
    ELSIF answer = 1 THEN
        RAISE EXCEPTION 'task id % is taken in queue %', task.its_id, task.its_queue
            USING ERRCODE = 'unique_violation', SCHEMA = 'aftercommit', TABLE = 'tasks', CONSTRAINT = 'tasks_id';
    END IF;
    RAISE EXCEPTION 'a unique task of type % with the same payload exists in queue %', type, task.its_queue
        USING ERRCODE = 'unique_violation', SCHEMA = 'aftercommit', TABLE = 'unique_locks',
              CONSTRAINT = 'unique_locks_pkey';
END
$$;

-- Stores a task in the outbox, in the transaction of the caller, and returns its id: for tasks that run elsewhere, as on
-- Redis, to which a relay brings them. Arguments, answers and rights as those of aftercommit.enqueue. Only an id that is
-- taken in the outbox is a conflict here; what only the other store knows is judged when the task is published.
CREATE FUNCTION aftercommit.enqueue_outbox(
    type text, payload jsonb, queue text DEFAULT 'default', id text DEFAULT NULL, max_retry integer DEFAULT 25,
    timeout interval DEFAULT NULL, deadline timestamptz DEFAULT NULL, process_in interval DEFAULT NULL,
    process_at timestamptz DEFAULT NULL, unique_for interval DEFAULT NULL, retention interval DEFAULT NULL,
    group_name text DEFAULT NULL, headers jsonb DEFAULT NULL, on_conflict text DEFAULT 'error'
) RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present constant bigint := aftercommit.moment(NULL);
    task    record;
BEGIN
    task := aftercommit.new_task(present, type, payload, queue, id, max_retry, timeout, deadline, process_in, process_at,
                                 unique_for, retention, group_name, headers, on_conflict);
    IF aftercommit.store_in_outbox(task.its_queue, task.its_id, type, task.options, group_name, task.due, task.lock_ms,
                                   task.body, present) THEN
        RETURN task.its_id;
    ELSIF on_conflict = 'ignore' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'task id % is taken in queue % of the outbox', task.its_id, task.its_queue
        USING ERRCODE = 'unique_violation', SCHEMA = 'aftercommit', TABLE = 'outbox', CONSTRAINT = 'outbox_id';
END
$$;

-- Functions are everybody's when they are made.
REVOKE ALL ON FUNCTION aftercommit.enqueue FROM PUBLIC;
REVOKE ALL ON FUNCTION aftercommit.enqueue_outbox FROM PUBLIC;
