-- Begins a batch; fill_batch.sql puts tasks into it.
-- ?1 the queue   ?2 the group   ?3 the deadline
INSERT INTO aftercommit_batches (queue, group_name, deadline) VALUES (?1, ?2, ?3)
