-- Takes back 8: requests can no longer be sent again; the keys are lost.
DROP TABLE idempotency_keys;
