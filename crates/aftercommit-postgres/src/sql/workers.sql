-- No transition: what the workers believed alive say about themselves.
-- $1 now
SELECT id, info FROM aftercommit.workers WHERE expires_at > (SELECT aftercommit.moment($1)) ORDER BY id
