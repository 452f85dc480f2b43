-- No transition: the wishes that were not to be seen then and are now, and what can be seen now. Not by their seqs: who
-- takes the smaller one may commit later.
-- $1 what could be seen then
SELECT txid_current_snapshot()::text, c.queue, c.id
  FROM (VALUES (1)) AS always
       LEFT JOIN aftercommit.cancellations AS c
       ON c.txid >= txid_snapshot_xmin($1::txid_snapshot) AND NOT txid_visible_in_snapshot(c.txid, $1::txid_snapshot)
 ORDER BY c.seq
