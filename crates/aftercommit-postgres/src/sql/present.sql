-- No transition: the present moment.
-- $1 now
SELECT aftercommit.moment($1)
