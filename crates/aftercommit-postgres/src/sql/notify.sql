-- Tells the processes that listen; it is only a hint, so it waits for no disk.
-- $1 who tells, and of what
SELECT set_config('synchronous_commit', 'off', true), pg_notify('aftercommit', $1)
