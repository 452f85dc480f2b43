-- Those that wait.
 WHERE seq > 0 AND +free_at IS NOT NULL ORDER BY seq LIMIT ?1 + 0 OFFSET ?2 + 0
