-- Moves due tasks of one queue, scheduled and retry, to pending or into their group, the earliest first.
--
-- KEYS  1 scheduled   2 retry   3 x:due   4 pending   5 groups
-- ARGV  1 prefix of the queue's keys   2 now in ms   3 now in nanoseconds   4 limit   5 now in seconds, rounded up
-- Returns how many moved, and when the next is due in ms, or -1
--
-- Two clocks are read. Our tasks have their exact due time in x:due, and that second rounded up in the set that asynq
-- reads. A task of another writer has only the second. An entry of x:due whose second is not the set's any more belongs
-- to an earlier wait of the same task (somebody else moved it since) and is dropped.
local prefix, now_ms, now_ns, limit, now_s = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local stored_s = math.floor(now_ms / 1000)
local due, seen = {}, {}

local function second_of(id)
  for set = 1, 2 do
    local score = redis.call('ZSCORE', KEYS[set], id)
    if score then return tonumber(score), KEYS[set] end
  end
end

local exact = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now_ms, 'WITHSCORES', 'LIMIT', 0, limit)
for at = 1, #exact, 2 do
  local id, ms = exact[at], tonumber(exact[at + 1])
  local second, set = second_of(id)
  if second == math.ceil(ms / 1000) then
    due[#due + 1] = { ms = ms, id = id, set = set, order = #due }
    seen[id] = true
  else
    redis.call('ZREM', KEYS[3], id)
  end
end
for set = 1, 2 do
  local others = redis.call('ZRANGEBYSCORE', KEYS[set], '-inf', stored_s, 'WITHSCORES', 'LIMIT', 0, limit)
  for at = 1, #others, 2 do
    local id = others[at]
    if not seen[id] then
      due[#due + 1] = { ms = tonumber(others[at + 1]) * 1000, id = id, set = KEYS[set], order = #due }
    end
  end
end
table.sort(due, function(a, b)
  if a.ms ~= b.ms then return a.ms < b.ms end
  return a.order < b.order
end)

local moved = 0
for index = 1, math.min(#due, limit) do
  local id, set = due[index].id, due[index].set
  local key = prefix .. 't:' .. id
  redis.call('ZREM', set, id)
  redis.call('ZREM', KEYS[3], id)
  local row = redis.call('HMGET', key, 'msg', 'group')
  if row[1] then
    moved = moved + 1
    if row[2] and row[2] ~= '' then
      redis.call('ZADD', prefix .. 'g:' .. row[2], now_s, id)
      redis.call('SADD', KEYS[5], row[2])
      redis.call('HSET', key, 'state', 'aggregating')
    else
      redis.call('LPUSH', KEYS[4], id)
      redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns)
    end
  end
end

local next_ms = -1
local function look(key, unit)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] then
    local ms = tonumber(first[2]) * unit
    if next_ms < 0 or ms < next_ms then next_ms = ms end
  end
end
look(KEYS[3], 1)
look(KEYS[1], 1000)
look(KEYS[2], 1000)
return { moved, next_ms }
