-- Nobody enqueues with SQL any more; the library does not use these.
DROP FUNCTION aftercommit.enqueue_outbox;
DROP FUNCTION aftercommit.enqueue;
DROP FUNCTION aftercommit.new_task;
DROP FUNCTION aftercommit.header_text;
DROP FUNCTION aftercommit.new_id;
DROP FUNCTION aftercommit.interval_ms;
DROP FUNCTION aftercommit.interval_fault;
DROP FUNCTION aftercommit.name_fault;
DROP FUNCTION aftercommit.id_fault;
