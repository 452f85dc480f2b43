-- Without it, old receipts are found by reading all of them.
DROP INDEX aftercommit.receipts_finished_at;
