-- The outbox, with the tasks in it.
DROP FUNCTION aftercommit.store_in_outbox(text, text, text, text, text, bigint, bigint, bytea, bigint);
DROP TABLE aftercommit.outbox;
