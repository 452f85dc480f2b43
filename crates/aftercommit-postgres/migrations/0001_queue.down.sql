-- Everything of the queue, with the tasks in it.
DROP TABLE aftercommit.cancellations, aftercommit.batches, aftercommit.workers, aftercommit.pauses, aftercommit.count_changes,
    aftercommit.counts, aftercommit.receipts, aftercommit.ended, aftercommit.unique_locks,
    aftercommit.claims, aftercommit.tasks;
DROP FUNCTION aftercommit.moment(bigint);
DROP SEQUENCE aftercommit.tasks_front_seq;
