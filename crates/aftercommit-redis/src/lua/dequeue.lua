-- Takes pending tasks of one or several queues, oldest first, and leases them. Each queue gives at most its quota; what
-- it cannot fill spills over to the others in the order given. On a Cluster, one queue a call.
--
-- KEYS  for each queue: paused, pending, active, lease, x:owners
-- ARGV  1 lease score: the second at which it ends plus the token as a fraction   2 owner: token|worker   3 worker
--       then for each queue: prefix of its task keys, quota
-- Returns how many ids without a task were dropped, then for each queue its tasks: {msg, x_exact, x_recovered, id}
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
  local active, lease = {}, {}
  for _, id in ipairs(ids) do
    local key = task_prefix .. id
    local row = redis.pcall('HMGET', key, 'msg', 'x_exact', 'x_recovered')
    if row[1] then
      row[4] = id
      rows[#rows + 1] = row
      active[#active + 1] = id
      lease[#lease + 1] = score
      lease[#lease + 1] = id
    else
      ghosts = ghosts + 1
    end
  end
  if #active > 0 then
    local pushed = redis.pcall('LPUSH', KEYS[first + 2], unpack(active))
    if type(pushed) == 'table' then
      for at = #active, 1, -1 do redis.call('RPUSH', KEYS[first + 1], active[at]) end
      failure, open[queue] = pushed, false
      return 0
    end
    redis.call('ZADD', KEYS[first + 3], unpack(lease))
    for _, id in ipairs(active) do
      redis.call('HSET', task_prefix .. id, 'state', 'active', 'x_owner', owner)
      redis.call('HDEL', task_prefix .. id, 'pending_since')
    end
    redis.call('SADD', KEYS[first + 4], worker)
  end
  return #active
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
