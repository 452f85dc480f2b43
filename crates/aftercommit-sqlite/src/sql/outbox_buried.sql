-- ?1 how many at most
(SELECT seq FROM aftercommit_outbox WHERE free_at IS NULL AND look_at IS NULL ORDER BY seq LIMIT ?1 + 0)
