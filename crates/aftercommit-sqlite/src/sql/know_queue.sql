-- Remembers that a queue has held a task.
-- ?1 the queue   ?2 the day
INSERT INTO aftercommit_counts (queue, day, processed, failed) VALUES (?1, ?2, 0, 0)
    ON CONFLICT (queue, day) DO NOTHING
