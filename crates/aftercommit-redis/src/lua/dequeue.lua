-- Takes pending tasks of one or several queues, oldest first, and leases them. Each queue gives at most its quota; what
-- it cannot fill spills over to the others in the order given. On a Cluster, one queue a call.
--
-- KEYS  for each queue: paused, pending, active, lease, x:owners
-- ARGV  1 lease score: the second at which it ends plus the token as a fraction   2 owner: token|worker   3 worker
--       then for each queue: prefix of its task keys, quota
-- Returns how many ids without a task were dropped, then for each queue its tasks, four values each: id, msg, x_exact, x_recovered
--
-- An id whose hash is gone is dropped; to set the state first would make a hash with nothing else in it. So is an id whose
-- key is somebody else's and no hash.
--
-- Lua takes nothing back. What may fail when a key is not of its type comes in this order: ids that cannot go to active go
-- back to pending, and whatever fails after that leaves ids in active, without a lease or with our token, which are found.
local score, owner, worker = ARGV[1], ARGV[2], ARGV[3]
local queues = #KEYS / 5
local ghosts, taken, wanted, open, failure = 0, {}, 0, {}, nil

local function take(queue, count)
  local first = queue * 5 - 4
  local ids = redis.call('RPOP', KEYS[first + 1], count)
  if not ids then
    open[queue] = false
    return 0
  end
  local task_prefix, rows = ARGV[queue * 2 + 2], taken[queue]
  local active, lease, keys, got = {}, {}, {}, 0
  for _, id in ipairs(ids) do
    local key = task_prefix .. id
    local row = redis.pcall('HMGET', key, 'msg', 'x_exact', 'x_recovered')
    if row[1] then
      got = got + 1
      active[got], keys[got] = id, key
      lease[got * 2 - 1], lease[got * 2] = score, id
      -- One flat list: a list per task would cost Redis and us more than what is in it.
      local at = #rows
      rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4] = id, row[1], row[2], row[3]
    else
      ghosts = ghosts + 1
    end
  end
  if got > 0 then
    local pushed = redis.pcall('LPUSH', KEYS[first + 2], unpack(active))
    if type(pushed) == 'table' then
      for at = got, 1, -1 do redis.call('RPUSH', KEYS[first + 1], active[at]) end
      failure, open[queue] = pushed, false
      return 0
    end
    redis.call('ZADD', KEYS[first + 3], unpack(lease))
    for _, key in ipairs(keys) do
      redis.call('HSET', key, 'state', 'active', 'x_owner', owner)
      redis.call('HDEL', key, 'pending_since')
    end
    redis.call('SADD', KEYS[first + 4], worker)
  end
  return got
end

for queue = 1, queues do
  taken[queue] = {}
  open[queue] = redis.call('EXISTS', KEYS[queue * 5 - 4]) == 0
end
for queue = 1, queues do
  local quota = tonumber(ARGV[queue * 2 + 3])
  wanted = wanted + quota
  if quota > 0 and open[queue] then wanted = wanted - take(queue, quota) end
end
for queue = 1, queues do
  if wanted > 0 and open[queue] then wanted = wanted - take(queue, wanted) end
end
return failure or { ghosts, unpack(taken) }
