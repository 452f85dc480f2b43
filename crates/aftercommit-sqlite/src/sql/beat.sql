-- A worker says that it is alive.
-- ?1 its id   ?2 now   ?3 what it says, as JSON   ?4 the TTL   ?5 when that is over
-- ?6 the place of its process, NULL if unknown   ?7 the process's number   ?8 when the process started
INSERT INTO aftercommit_workers (id, seen_at, info, ttl_ms, expires_at, place, pid, started)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (id) DO UPDATE
   SET seen_at = excluded.seen_at, info = excluded.info, ttl_ms = excluded.ttl_ms,
       expires_at = excluded.expires_at, place = excluded.place, pid = excluded.pid, started = excluded.started
