-- Takes back 1: no accounts, entries or transfers; what they held is lost.
DROP TABLE transfers;
DROP TABLE entries;
DROP TABLE accounts;
