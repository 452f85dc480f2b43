-- No transition: the rows to claim, oldest first, as one row: [[seq, epoch, attempts, enqueued at, queue, id,
-- type, options, group, due, unique for, payload in hex, losses], ..], beside it when there is something that cannot
-- be claimed yet, and whether the length of the payloads has left something behind.
-- ?1 now   ?2 how many at most   ?3 how many that waited for a moment are looked at   ?4 how many bytes of
-- payloads at most, if there is more than one row
-- One row instead of many, because each one would wake the reader.
WITH free AS (
    SELECT seq FROM (SELECT seq FROM aftercommit_outbox WHERE free_at = 0 ORDER BY seq LIMIT ?2 + 0)
    UNION ALL
    SELECT seq FROM (SELECT seq FROM aftercommit_outbox
                      WHERE free_at > 0 AND free_at <= ?1 ORDER BY free_at LIMIT ?3 + 0)
),
first AS MATERIALIZED (SELECT seq FROM free ORDER BY seq LIMIT ?2 + 0),
measured AS (
    SELECT first.seq, row_number() OVER oldest AS nth, sum(length(o.payload)) OVER oldest AS bytes
      FROM first CROSS JOIN aftercommit_outbox AS o ON o.seq = first.seq
    WINDOW oldest AS (ORDER BY first.seq)
)
SELECT json_group_array(json_array(o.seq, o.epoch, o.attempts, o.enqueued_at, o.queue, o.id, o.task_type,
                                   o.options, o.group_name, o.due_at, o.unique_ms, hex(o.payload), o.losses)
                        ORDER BY o.seq),
       (SELECT min(free_at) FROM aftercommit_outbox WHERE free_at > ?1),
       count(*) < (SELECT count(*) FROM first)
  FROM measured CROSS JOIN aftercommit_outbox AS o ON o.seq = measured.seq
 WHERE nth = 1 OR bytes <= ?4
