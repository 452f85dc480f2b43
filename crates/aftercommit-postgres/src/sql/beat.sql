-- A worker says that it is alive.
-- $1 its id   $2 now   $3 what it says, as JSON   $4 the TTL
INSERT INTO aftercommit.workers AS w (id, seen_at, info, ttl_ms, expires_at)
SELECT $1, present.now, $3, $4, present.now + $4 FROM (SELECT aftercommit.moment($2) AS now) AS present
    ON CONFLICT (id) DO UPDATE
   SET seen_at = excluded.seen_at, info = excluded.info, ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at
