-- Attempts that were finished in a transaction of their handler: the settle that follows finds here that its task is gone
-- because of that, and not because the lease was lost.
CREATE TABLE aftercommit_receipts (
    seq         INTEGER NOT NULL,
    -- Its low bits, as the lease token has them.
    epoch       INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    PRIMARY KEY (seq, epoch)
) WITHOUT ROWID, STRICT;

CREATE INDEX aftercommit_receipts_finished_at ON aftercommit_receipts (finished_at);
