-- Those that are kept.
 WHERE seq > 0 AND +look_at IS NOT NULL ORDER BY seq LIMIT ?1 + 0 OFFSET ?2 + 0
