-- $1 the row
(ARRAY[$1]::bigint[])
