-- The tables of the queue. Every moment is in milliseconds since the Unix epoch.

-- Tasks that are not over yet. A task keeps its row, and most of the row's bytes, through its states:
-- the codes of the states and a first epoch have one byte each, so that taking a task rewrites its
-- record in place and does not touch the pages of a long payload.
CREATE TABLE aftercommit_tasks (
    -- Never used again, because lease tokens are made from it.
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 2 pending, 3 active, 4 scheduled, 5 retry.
    state          INTEGER NOT NULL CHECK (state BETWEEN 2 AND 5),
    -- The order among the pending tasks of a queue. New ones take their seq; those that come back to
    -- the end take the next number of the same sequence, those that come back to the front a smaller one.
    pos            INTEGER NOT NULL,
    -- pending: since when; active: until when it is leased; scheduled and retry: when it is due.
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
    payload        BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX aftercommit_tasks_id ON aftercommit_tasks (queue, id);
CREATE INDEX aftercommit_tasks_pending ON aftercommit_tasks (queue, pos) WHERE state = 2;
CREATE INDEX aftercommit_tasks_active ON aftercommit_tasks (queue, pos) WHERE state = 3;
CREATE INDEX aftercommit_tasks_waiting ON aftercommit_tasks (queue, at) WHERE state > 3;
CREATE INDEX aftercommit_tasks_unique ON aftercommit_tasks (queue, unique_key) WHERE unique_key IS NOT NULL;

-- A sequence that starts at zero would make the first records narrower than the later ones.
INSERT INTO sqlite_sequence (name, seq) VALUES ('aftercommit_tasks', 1000000);

-- Tasks that are over and kept: 6 archived, 7 completed.
CREATE TABLE aftercommit_ended (
    seq            INTEGER PRIMARY KEY,
    state          INTEGER NOT NULL CHECK (state IN (6, 7)),
    ended_at       INTEGER NOT NULL,
    -- When a completed task may be deleted; NULL for the archived, which stay.
    expires_at     INTEGER,
    queue          TEXT NOT NULL,
    id             TEXT NOT NULL,
    task_type      TEXT NOT NULL,
    options        TEXT,
    retried        INTEGER NOT NULL,
    recovered      INTEGER NOT NULL,
    last_error     TEXT,
    last_failed_at INTEGER,
    unique_key     BLOB,
    unique_until   INTEGER,
    payload        BLOB NOT NULL,
    result         BLOB
) STRICT;

CREATE UNIQUE INDEX aftercommit_ended_id ON aftercommit_ended (queue, id);
CREATE INDEX aftercommit_ended_at ON aftercommit_ended (queue, state, ended_at);
CREATE INDEX aftercommit_ended_expiry ON aftercommit_ended (queue, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX aftercommit_ended_unique ON aftercommit_ended (queue, unique_key) WHERE unique_key IS NOT NULL;

-- Attempts that ended, by queue and UTC day (days since the Unix epoch). The smallest day there can be
-- holds the sum of the days that are no longer kept. A queue without tasks is known by its row here.
CREATE TABLE aftercommit_counts (
    queue     TEXT NOT NULL,
    day       INTEGER NOT NULL,
    processed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    PRIMARY KEY (queue, day)
) WITHOUT ROWID, STRICT;

CREATE TABLE aftercommit_pauses (
    queue TEXT PRIMARY KEY NOT NULL,
    since INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- Workers. A key is never used again, so a task whose worker has no row any more is nobody's.
CREATE TABLE aftercommit_workers (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    seen_at    INTEGER NOT NULL,
    -- What it says about itself, as JSON; NULL until its first beat.
    info       TEXT,
    -- How long a beat is believed, and until when the last one is.
    ttl_ms     INTEGER,
    expires_at INTEGER,
    -- Where its process can be looked for, and how it is told from another one with its number.
    place      TEXT,
    pid        INTEGER,
    started    TEXT
) STRICT;

-- 2 stands for nobody in aftercommit_tasks.
INSERT INTO sqlite_sequence (name, seq) VALUES ('aftercommit_workers', 2);

-- Wishes that running tasks be stopped, kept until every process has had time to read them.
CREATE TABLE aftercommit_cancellations (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    queue        TEXT NOT NULL,
    id           TEXT NOT NULL,
    requested_at INTEGER NOT NULL
) STRICT;
