-- The outbox: tasks that were committed here and are on their way to another store. A row goes when its
-- task is published.
CREATE TABLE aftercommit_outbox (
    -- Never used again, so that whoever published a row cannot delete another one.
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- From when on it may be claimed: 0 at first, later the end of a claim or of a pause after a failure;
    -- NULL for a row that was set aside.
    free_at     INTEGER,
    -- Counts the claims, and what else ends one.
    epoch       INTEGER NOT NULL,
    -- How often it could not be published, and why the last time.
    attempts    INTEGER NOT NULL,
    error       TEXT,
    enqueued_at INTEGER NOT NULL,
    -- The task, as in aftercommit_tasks. A task in an outbox is new: it has no past.
    queue       TEXT NOT NULL,
    id          TEXT NOT NULL,
    task_type   TEXT NOT NULL,
    options     TEXT,
    group_name  TEXT,
    -- When it is due; NULL for now.
    due_at      INTEGER,
    -- For how many milliseconds it takes a unique lock once it is published; NULL for none.
    unique_ms   INTEGER,
    payload     BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX aftercommit_outbox_id ON aftercommit_outbox (queue, id);
CREATE INDEX aftercommit_outbox_free ON aftercommit_outbox (free_at) WHERE free_at IS NOT NULL;
CREATE INDEX aftercommit_outbox_buried ON aftercommit_outbox (enqueued_at) WHERE free_at IS NULL;
