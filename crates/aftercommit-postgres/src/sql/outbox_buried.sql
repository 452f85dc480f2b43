-- $1 how many at most
-- An array, which is made once: a list would be looked for again for each row.
(ARRAY(SELECT seq FROM aftercommit.outbox WHERE state = 3 AND seq > 0 ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED))
