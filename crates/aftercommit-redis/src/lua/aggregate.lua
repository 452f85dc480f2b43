-- Stores the task that was made of a set, and deletes the tasks of the set with their unique locks: both or neither.
-- asynq does the two one after the other, so that a crash in between leaves the aggregate and its parts.
--
-- KEYS  1 pending   2 scheduled   3 x:due   4 groups   5 aggregation_sets   6 the set
-- ARGV  1 prefix of the queue's keys   2 now in nanoseconds   3 now in seconds, rounded up   4 marker life in ms
--       5 key of the unique lock that the task takes, or nothing   then one item, as store.lua has it
-- Returns 1 done, 0 the id is taken, -1 the lock is held, -2 the set is gone
if not redis.call('ZSCORE', KEYS[5], KEYS[6]) then return -2 end
local place = {
  prefix = ARGV[1], pending = KEYS[1], scheduled = KEYS[2], due = KEYS[3], groups = KEYS[4],
  now_ns = ARGV[2], now_s = ARGV[3], marker_ms = ARGV[4],
}
local members, of_set = redis.call('ZRANGE', KEYS[6], 0, -1), {}
for _, id in ipairs(members) do of_set[id] = true end

-- The new task may have the id, or take the lock, of a task that it replaces. So the tasks of the set go first, but not
-- before it is certain that the new one will be stored.
local id, lock = ARGV[6], ARGV[5]
if not of_set[id] and redis.call('EXISTS', place.prefix .. 't:' .. id) == 1 then return 0 end
local owner = lock ~= '' and redis.call('GET', lock)
if owner and not of_set[owner] then return -1 end

-- Nor before it is certain that the keys are what they should be: Lua takes nothing back.
redis.call('LLEN', KEYS[1])
for _, key in ipairs({ KEYS[2], KEYS[3] }) do redis.call('ZCARD', key) end
redis.call('SCARD', KEYS[4])

for _, member in ipairs(members) do
  local key = place.prefix .. 't:' .. member
  free_lock(place.prefix, member)
  redis.call('UNLINK', key)
end
redis.call('UNLINK', KEYS[6])
redis.call('ZREM', KEYS[5], KEYS[6])
local ready = {}
local answer = store(place, ready, 6)
if #ready > 0 then redis.call('LPUSH', place.pending, unpack(ready)) end
return answer
