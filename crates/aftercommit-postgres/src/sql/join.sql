-- Gives a worker a key, before its first task.
-- $1 the worker's id   $2 now
INSERT INTO aftercommit.workers (id, seen_at) VALUES ($1, aftercommit.moment($2)) ON CONFLICT (id) DO NOTHING
