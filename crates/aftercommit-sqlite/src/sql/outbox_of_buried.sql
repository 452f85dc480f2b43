-- Those that are set aside.
 WHERE free_at IS NULL AND look_at IS NULL ORDER BY seq LIMIT ?1 + 0 OFFSET ?2 + 0
