-- Finds active tasks of one queue that are nobody's, and repairs what no settle could: an id without a task is dropped, and
-- a lease of a task that is not active; a task without a lease gets one that is over, so that it can be settled.
--
-- KEYS  1 active   2 lease   3 x:owners
-- ARGV  1 prefix of the task keys   2 now in seconds   3 limit   4 a token   then the workers known to be dead
-- Returns how many ids were dropped, then for each orphan {cause, id, lease score, msg, x_exact, x_recovered}
--         cause: e its lease is over, w its worker is dead, n it had no lease
--
-- A dead worker that has no task any more is struck off x:owners. A key that is no hash is somebody else's and left alone;
-- its id is dropped.
local task_prefix, now_s, limit, token = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local token_unit, chunk = 4194304, 1000
local reply, dropped, seen = { 0 }, 0, {}
local dead, still_has = {}, {}
for at = 5, #ARGV do dead[ARGV[at]] = true end

local function add(cause, id, score)
  if seen[id] then return end
  seen[id] = true
  local row = redis.pcall('HMGET', task_prefix .. id, 'msg', 'x_exact', 'x_recovered', 'state')
  if row[1] and row[4] ~= 'active' and not redis.call('LPOS', KEYS[1], id) then
    -- A lease that was left behind by a task that waits, or is over: to settle it would put the task into two places.
    redis.call('ZREM', KEYS[2], id)
    dropped = dropped + 1
    return
  end
  if row[1] then
    reply[#reply + 1] = { cause, id, score, row[1], row[2], row[3] }
    return
  end
  redis.call('LREM', KEYS[1], 0, id)
  redis.call('ZREM', KEYS[2], id)
  if not row.err then redis.call('DEL', task_prefix .. id) end
  dropped = dropped + 1
end

-- The fraction of a score is its token: a lease that ends in second s has a score below s + 1.
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. (now_s + 1), 'WITHSCORES', 'LIMIT', 0, limit)
for at = 1, #over, 2 do add('e', over[at], over[at + 1]) end

local function owner_is_dead(id, score)
  local owner = redis.pcall('HGET', task_prefix .. id, 'x_owner')
  local of, worker = (type(owner) == 'string' and owner or ''):match('^(%d+)|(.*)$')
  if not (worker and dead[worker] and tonumber(of) == (tonumber(score) % 1) * token_unit) then return false end
  still_has[worker] = true
  return true
end

local first = 0
while #reply - 1 < limit do
  local ids = redis.call('LRANGE', KEYS[1], first, first + chunk - 1)
  if #ids == 0 then break end
  for index, score in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(ids))) do
    local id = ids[index]
    if #reply - 1 >= limit then break end
    if not score then
      local past = string.format('%.17g', now_s - 1 + token / token_unit)
      redis.call('ZADD', KEYS[2], past, id)
      add('n', id, past)
    elseif #ARGV > 4 and owner_is_dead(id, score) then
      add('w', id, score)
    end
  end
  first = first + chunk
end
if #reply - 1 < limit then
  for worker in pairs(dead) do
    if not still_has[worker] then redis.call('SREM', KEYS[3], worker) end
  end
end
reply[1] = dropped
return reply
