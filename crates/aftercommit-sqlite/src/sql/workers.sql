-- No transition: what the workers believed alive say about themselves.
-- ?1 now
SELECT id, info FROM aftercommit_workers WHERE expires_at > ?1 ORDER BY id
