-- Archives a task in somebody's hands whose message cannot be read, so that it stands in nobody's way: a readable stand-in
-- with the reason takes the message's place, and the bytes are kept beside it.
--
-- KEYS  1 active   2 lease   3 archived   4 the set, if an aggregator has it
-- ARGV  1 key of the task   2 id   3 the bytes as they were read   4 the stand-in   5 now in seconds
-- Returns 1 archived, 0 the task is not there with these bytes any more
local row = redis.call('HMGET', ARGV[1], 'state', 'msg')
if row[1] ~= (KEYS[4] and 'aggregating' or 'active') or row[2] ~= ARGV[3] then return 0 end
if KEYS[4] and not redis.call('ZSCORE', KEYS[4], ARGV[2]) then return 0 end
-- It leaves its holder last: whatever fails before leaves it where it is found again.
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[2])
redis.call('HSET', ARGV[1], 'msg', ARGV[4], 'state', 'archived', 'x_raw', ARGV[3])
redis.call('HDEL', ARGV[1], 'x_owner')
if KEYS[4] then
  redis.call('ZREM', KEYS[4], ARGV[2])
else
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('LREM', KEYS[1], -1, ARGV[2])
end
return 1
