-- No transition: the kept rows that are due for a look, those that are due longest first, as one row: [[seq, epoch, queue,
-- id, due, published at, seen at, missing since, losses], ..], and beside it when the next one is due.
-- ?1 now   ?2 how many at most
SELECT (SELECT json_group_array(json_array(seq, epoch, queue, id, due_at, published_at, seen_at, missing_since, losses))
          FROM (SELECT * FROM aftercommit_outbox WHERE look_at <= ?1 ORDER BY look_at LIMIT ?2 + 0)),
       (SELECT min(look_at) FROM aftercommit_outbox WHERE look_at > ?1)
