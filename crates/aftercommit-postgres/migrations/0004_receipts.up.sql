-- So that the oldest receipts are found without a look at the others.
CREATE INDEX receipts_finished_at ON aftercommit.receipts (finished_at);
