-- Tasks that wait in groups. The table of the tasks is made anew, because SQLite cannot change the check
-- of a column: one more state, and two columns before the payload.

CREATE TABLE aftercommit_tasks_new (
    -- Never used again, because lease tokens are made from it.
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 1 aggregating, 2 pending, 3 active, 4 scheduled, 5 retry.
    state          INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
    -- The order among the pending tasks of a queue. New ones take their seq; those that come back to
    -- the end take the next number of the same sequence, those that come back to the front a smaller one.
    pos            INTEGER NOT NULL,
    -- aggregating: since when it is in its group; pending: since when; active: until when it is leased;
    -- scheduled and retry: when it is due.
    at             INTEGER NOT NULL,
    -- Counts the times the task was taken; the other part of the lease token.
    epoch          INTEGER NOT NULL,
    -- Who took it last: a key of aftercommit_workers; 2 for nobody.
    worker         INTEGER NOT NULL,
    queue          TEXT NOT NULL,
    id             TEXT NOT NULL,
    task_type      TEXT NOT NULL,
    -- What was asked for beside the defaults, as a JSON object; NULL for all defaults.
    options        TEXT,
    retried        INTEGER NOT NULL DEFAULT 0,
    recovered      INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT,
    last_failed_at INTEGER,
    -- A unique lock is held by the task that has its key, until the moment beside it: it appears and
    -- goes with the row, so a rollback, a delete or a crash cannot leave one behind.
    unique_key     BLOB,
    unique_until   INTEGER,
    -- The group it is to be aggregated in.
    group_name     TEXT,
    -- The batch that an aggregator holds it in: a key of aftercommit_batches; NULL outside of one.
    batch          INTEGER,
    payload        BLOB NOT NULL
) STRICT;

INSERT INTO aftercommit_tasks_new (seq, state, pos, at, epoch, worker, queue, id, task_type, options, retried,
                                   recovered, last_error, last_failed_at, unique_key, unique_until, payload)
SELECT seq, state, pos, at, epoch, worker, queue, id, task_type, options, retried,
       recovered, last_error, last_failed_at, unique_key, unique_until, payload
  FROM aftercommit_tasks;

-- The numbers go on where they were, also if no task was there to be copied.
DELETE FROM sqlite_sequence WHERE name = 'aftercommit_tasks_new';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'aftercommit_tasks_new', seq FROM sqlite_sequence WHERE name = 'aftercommit_tasks';

DROP TABLE aftercommit_tasks;
-- Views of the host may name the table that is missing for this moment; this keeps SQLite from looking.
PRAGMA legacy_alter_table = ON;
ALTER TABLE aftercommit_tasks_new RENAME TO aftercommit_tasks;
PRAGMA legacy_alter_table = OFF;

CREATE UNIQUE INDEX aftercommit_tasks_id ON aftercommit_tasks (queue, id);
CREATE INDEX aftercommit_tasks_pending ON aftercommit_tasks (queue, pos) WHERE state = 2;
CREATE INDEX aftercommit_tasks_active ON aftercommit_tasks (queue, pos) WHERE state = 3;
CREATE INDEX aftercommit_tasks_waiting ON aftercommit_tasks (queue, at) WHERE state > 3;
CREATE INDEX aftercommit_tasks_unique ON aftercommit_tasks (queue, unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX aftercommit_tasks_grouped ON aftercommit_tasks (queue, batch, group_name, at, pos) WHERE state = 1;

ALTER TABLE aftercommit_ended ADD COLUMN group_name TEXT;

-- Batches of tasks in the hands of aggregators. A key is never used again, so an aggregator that lost its
-- batch cannot take another one's for it.
CREATE TABLE aftercommit_batches (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    queue      TEXT NOT NULL,
    group_name TEXT NOT NULL,
    -- When its tasks go back into their group.
    deadline   INTEGER NOT NULL
) STRICT;

CREATE INDEX aftercommit_batches_deadline ON aftercommit_batches (queue, deadline);
