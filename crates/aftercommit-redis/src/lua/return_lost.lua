-- Puts back what a dequeue took whose answer was lost: nobody will run it, and its leases would only run out.
--
-- KEYS  1 active   2 lease   3 pending
-- ARGV  1 prefix of the task keys   2 token   3 owner: token|worker   4 now in nanoseconds
-- Returns how many tasks went back to the front of pending
--
-- A worker makes this call before its next dequeue. Active holds what workers run and a little more, so looking through
-- it is cheap, and happens only after a lost answer.
local task_prefix, token, owner, now_ns = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local token_unit, chunk = 4194304, 1000
local lost = {}
local ids = redis.call('LRANGE', KEYS[1], 0, -1)
for first = 1, #ids, chunk do
  local some = { unpack(ids, first, math.min(first + chunk - 1, #ids)) }
  for index, score in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(some))) do
    if score and (tonumber(score) % 1) * token_unit == token then
      local id = some[index]
      if redis.call('HGET', task_prefix .. id, 'x_owner') == owner then lost[#lost + 1] = id end
    end
  end
end
-- The head of active is the newest, so this pushes the newest first: the oldest ends at the front.
for _, id in ipairs(lost) do
  redis.call('LREM', KEYS[1], 1, id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('HSET', task_prefix .. id, 'state', 'pending', 'pending_since', now_ns)
  redis.call('HDEL', task_prefix .. id, 'x_owner')
  redis.call('RPUSH', KEYS[3], id)
end
return #lost
