-- Without these no version of the library stores tasks.
DROP FUNCTION aftercommit.store_tasks(text[], text[], text[], bigint[], text[], text[], bytea[], bigint[], integer[], integer[],
    text[], bigint[], bigint);
DROP FUNCTION aftercommit.store_unique_tasks(text[], text[], text[], bigint[], text[], text[], bytea[], bigint[], integer[],
    integer[], text[], bigint[], bigint);
DROP FUNCTION aftercommit.store_new_task(text, text, text, bigint, text, text, bytea, bigint);
DROP FUNCTION aftercommit.lock_key(text, bytea);
