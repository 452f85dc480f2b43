-- No transition: whether beyond.sql has chosen any.
SELECT EXISTS (SELECT 1 FROM beyond)
