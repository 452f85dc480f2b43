-- Takes back 3: no login sessions.
DROP TABLE sessions;
