-- No transition: the wishes from a moment on, and what can be seen now, from where cancellations_after.sql goes on.
-- $1 the moment   $2 the seq of an earlier one
-- Always one row, that of the wish empty if there is none.
SELECT txid_current_snapshot()::text, c.queue, c.id
  FROM (VALUES (1)) AS always
       LEFT JOIN aftercommit.cancellations AS c ON c.requested_at >= $1 AND c.seq > $2
 ORDER BY c.seq
