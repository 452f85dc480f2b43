-- Stores the task that was made of a set, and deletes the tasks of the set with their unique locks: both or neither.
-- asynq does the two one after the other, so that a crash in between leaves the aggregate and its parts.
--
-- KEYS  1 pending   2 scheduled   3 x:due   4 groups   5 aggregation_sets   6 the set
-- ARGV  1 prefix of the queue's keys   2 now in nanoseconds   3 now in seconds, rounded up   4 marker life in ms
--       then one item, as store.lua has it
-- Returns 1 done, 0 the id is taken, -1 the lock is held, -2 the set is gone
if not redis.call('ZSCORE', KEYS[5], KEYS[6]) then return -2 end
local place = {
  prefix = ARGV[1], pending = KEYS[1], scheduled = KEYS[2], due = KEYS[3], groups = KEYS[4],
  now_ns = ARGV[2], now_s = ARGV[3], marker_ms = ARGV[4],
}
local ready = {}
local answer = store(place, ready, 5)
if answer ~= 1 then return answer end
if #ready > 0 then redis.call('LPUSH', place.pending, unpack(ready)) end
for _, id in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
  local key = place.prefix .. 't:' .. id
  local lock = redis.call('HGET', key, 'unique_key')
  if lock and redis.call('GET', lock) == id then redis.call('DEL', lock) end
  redis.call('UNLINK', key)
end
redis.call('UNLINK', KEYS[6])
redis.call('ZREM', KEYS[5], KEYS[6])
return 1
