-- The outbox may keep a row after its task is published, until somebody has seen that the task has ended: a back-end may
-- lose its data.

-- When to look at the task of a kept row, or until when somebody is looking; NULL for a row that is not kept. A kept row
-- has no free_at.
ALTER TABLE aftercommit_outbox ADD COLUMN look_at INTEGER;
-- When the task of a kept row was published, when it was last known to be there, and since when it is not any more.
ALTER TABLE aftercommit_outbox ADD COLUMN published_at INTEGER;
ALTER TABLE aftercommit_outbox ADD COLUMN seen_at INTEGER;
ALTER TABLE aftercommit_outbox ADD COLUMN missing_since INTEGER;
-- How often the task was published and then lost.
ALTER TABLE aftercommit_outbox ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;

CREATE INDEX aftercommit_outbox_kept ON aftercommit_outbox (look_at) WHERE look_at IS NOT NULL;
DROP INDEX aftercommit_outbox_buried;
CREATE INDEX aftercommit_outbox_buried ON aftercommit_outbox (seq) WHERE free_at IS NULL AND look_at IS NULL;
