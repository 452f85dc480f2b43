-- Replaces the message of a scheduled task, unless it has changed since it was read.
--
-- KEYS  1 the task   ARGV  1 the message as it was   2 the message as it is to be
-- Returns '' done, the state the task is in when it is not scheduled, 'changed', or false without such a task
local row = redis.call('HMGET', KEYS[1], 'state', 'msg')
if not row[1] then return false end
if row[1] ~= 'scheduled' then return row[1] end
if row[2] ~= ARGV[1] then return 'changed' end
redis.call('HSET', KEYS[1], 'msg', ARGV[2])
return ''
