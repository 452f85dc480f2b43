-- pending -> active, for the tasks that oldest.sql or shares.sql has chosen.
-- ?3 the worker's id   ?4 when the leases end
UPDATE aftercommit_tasks
   SET state = 3, epoch = epoch + 1, at = ?4, worker = (SELECT key FROM aftercommit_workers WHERE id = ?3)
 WHERE seq IN (SELECT seq FROM chosen)
RETURNING seq, epoch, pos, queue, id, task_type, options, retried, recovered, last_error, last_failed_at, payload,
          group_name
