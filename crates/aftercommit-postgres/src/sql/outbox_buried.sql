-- $1 how many at most
(SELECT seq FROM aftercommit.outbox WHERE state = 3 ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
