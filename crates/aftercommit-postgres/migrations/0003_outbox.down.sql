-- The outbox, with the tasks in it.
DROP TABLE aftercommit.outbox;
