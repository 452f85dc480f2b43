-- $1 the row
($1)
