-- Does to tasks of one queue what an operator asks: run, archive, delete.
--
-- KEYS  1 pending   2 scheduled   3 retry   4 archived   5 completed   6 x:due   7 groups
-- ARGV  1 prefix of the queue's keys   2 operation: run, archive, delete   3 now in seconds   4 now in nanoseconds   then
--         one   id
--         list  limit                    the oldest pending
--         set   limit, state             the first of that state
--         set   limit, aggregating, group
-- Returns one: the state it was in when the operation makes no sense in it, '' when it was done, false without such a task
--         list, set: how many ids were taken; fewer than the limit means that nothing is left
local prefix, operation, now_s, now_ns = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local sets = { scheduled = KEYS[2], retry = KEYS[3], archived = KEYS[4], completed = KEYS[5] }
local makes_no_sense = {
  run = { active = true, pending = true },
  archive = { active = true, archived = true, completed = true },
  delete = { active = true },
}

local function group_key(group)
  return prefix .. 'g:' .. group
end

-- What the operation does to a task that stands in no collection any more.
local function apply(id, key)
  if operation == 'run' then
    redis.call('LPUSH', KEYS[1], id)
    redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns)
    -- A completed task that runs again has no result yet.
    redis.call('HDEL', key, 'result')
  elseif operation == 'archive' then
    redis.call('ZADD', KEYS[4], now_s, id)
    redis.call('HSET', key, 'state', 'archived')
    redis.call('HDEL', key, 'pending_since')
  else
    free_lock(prefix, id)
    redis.call('UNLINK', key)
  end
end

local function leave(id, key, state)
  if state == 'pending' then
    return redis.call('LREM', KEYS[1], 0, id)
  elseif state == 'aggregating' then
    local group = redis.call('HGET', key, 'group') or ''
    local left = redis.call('ZREM', group_key(group), id)
    if redis.call('EXISTS', group_key(group)) == 0 then redis.call('SREM', KEYS[7], group) end
    return left
  end
  redis.call('ZREM', KEYS[6], id)
  return redis.call('ZREM', sets[state], id)
end

local function one(id)
  local key = prefix .. 't:' .. id
  local state = redis.call('HGET', key, 'state')
  if not state then return false end
  if makes_no_sense[operation][state] then return state end
  -- A task that is not where its state says is in somebody's hands: in a set that is being aggregated.
  if leave(id, key, state) == 0 and state == 'aggregating' then return state end
  apply(id, key)
  return ''
end

local function all(ids)
  for _, id in ipairs(ids) do
    local key = prefix .. 't:' .. id
    if redis.call('EXISTS', key) == 1 then apply(id, key) end
  end
  return #ids
end

local function first_of(set, limit)
  local ids = redis.call('ZRANGE', set, 0, limit - 1)
  if #ids > 0 then redis.call('ZREMRANGEBYRANK', set, 0, limit - 1) end
  return ids
end

-- The same for tasks that have a due time, in the order of x:due: their set orders them by whole seconds only. A task
-- of another writer is not in x:due.
local function first_due(set, limit)
  local members = redis.call('ZRANGE', set, 0, limit - 1, 'WITHSCORES')
  if #members == 0 then return {} end
  local ids, due, place = {}, {}, {}
  for at = 1, #members, 2 do
    ids[#ids + 1] = members[at]
    place[members[at]] = at
  end
  for index, ms in ipairs(redis.call('ZMSCORE', KEYS[6], unpack(ids))) do
    due[ids[index]] = tonumber(ms or members[index * 2] * 1000)
  end
  redis.call('ZREM', KEYS[6], unpack(ids))
  redis.call('ZREMRANGEBYRANK', set, 0, limit - 1)
  table.sort(ids, function(a, b)
    if due[a] ~= due[b] then return due[a] < due[b] end
    return place[a] < place[b]
  end)
  return ids
end

if ARGV[5] == 'one' then return one(ARGV[6]) end
local limit, state = tonumber(ARGV[6]), ARGV[7]
if limit == 0 then return 0 end
if ARGV[5] == 'list' then return all(redis.call('RPOP', KEYS[1], limit) or {}) end
if state ~= 'aggregating' then
  local first = (state == 'scheduled' or state == 'retry') and first_due or first_of
  return all(first(sets[state], limit))
end
local taken = all(first_of(group_key(ARGV[8]), limit))
if redis.call('EXISTS', group_key(ARGV[8])) == 0 then redis.call('SREM', KEYS[7], ARGV[8]) end
return taken
