-- Writes down what became of leased tasks of one queue. Only the current lease may settle: the fraction of the lease's
-- score must be the token. A stale settle changes nothing. (A lease that Go has given has no fraction. Its recoverer gives
-- the whole score instead, as =SCORE: nothing may have happened to the lease since it was found.)
--
-- KEYS  1 active   2 lease   3 pending   4 completed   5 retry   6 archived   7 x:due
--       8 processed   9 failed   10 processed on this day   11 failed on this day
-- ARGV  1 prefix of the task keys   2 now in seconds   3 now in nanoseconds   4 seconds for which the counts of the day are kept
--       then runs of items with one token and one outcome: token, lease score as it was given, outcome, number of
--       items, and for each item: id, and for the outcome
--         D  (nothing)                                  done: delete it
--         d  lock                                       done: delete it
--         c  lock, msg, exact, result, expiry second    completed: keep it until then ('+' before the result, or nothing)
--         r  msg, exact, second, ms                     failed, retry then; the second is rounded up
--         s  msg, exact, second, ms                     the same, but it counts as nothing
--         a  msg, exact                                 archive
--         q  (nothing)                                  back to the front of pending
--         Q  (nothing)                                  the same, from a dead worker
--       A lock is the key of a unique lock to free, or nothing.
-- Returns the places, from 1 and over all runs, of those items whose lease is lost
--
-- Most settles are of long runs: their words are said once, their answers not at all, and their leases are found by
-- their common score, since a score costs Redis more to print and us more to read than all else about a task.
local task_prefix, now_s, now_ns, day_life = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local arity = { D = 0, d = 1, c = 5, r = 4, s = 4, a = 2, q = 0, Q = 0 }
local token_unit, long_run = 4194304, 8
local lost, settled, gone, back = {}, {}, {}, {}
local left, processed, failed, place = {}, 0, 0, 0

local function is_current(score, token)
  if not score then return false end
  if token:sub(1, 1) == '=' then return tonumber(score) == tonumber(token:sub(2)) end
  return (tonumber(score) % 1) * token_unit == tonumber(token)
end

-- Which of the ids have their lease. A lease that was extended has another score, and is looked at by itself.
local function current_of(ids, token, score)
  local current, others = {}, ids
  if #ids >= long_run and redis.call('ZCOUNT', KEYS[2], score, score) <= 3 * #ids then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], score, score)) do current[id] = true end
    others = {}
    for _, id in ipairs(ids) do
      if not current[id] then others[#others + 1] = id end
    end
    if #others == 0 then return current end
  end
  for index, found in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(others))) do
    current[others[index]] = is_current(found, token)
  end
  return current
end

local function free(lock, id)
  if lock ~= '' and redis.call('GET', lock) == id then redis.call('DEL', lock) end
end

local function keep(key, state, msg, exact, ...)
  redis.call('HSET', key, 'msg', msg, 'state', state, ...)
  if exact ~= '' then
    redis.call('HSET', key, 'x_exact', exact)
    redis.call('HDEL', key, 'x_owner')
  else
    redis.call('HDEL', key, 'x_owner', 'x_exact')
  end
end

local function wait_until(id, second, ms)
  redis.call('ZADD', KEYS[5], second, id)
  redis.call('ZADD', KEYS[7], ms, id)
end

local function settle(id, outcome, arg)
  settled[#settled + 1] = id
  left[id] = true
  local key = task_prefix .. id
  if outcome == 'D' then
    gone[#gone + 1] = key
    processed = processed + 1
  elseif outcome == 'd' then
    gone[#gone + 1] = key
    free(ARGV[arg], id)
    processed = processed + 1
  elseif outcome == 'c' then
    local result = ARGV[arg + 3]
    if result == '' then
      keep(key, 'completed', ARGV[arg + 1], ARGV[arg + 2])
    else
      keep(key, 'completed', ARGV[arg + 1], ARGV[arg + 2], 'result', result:sub(2))
    end
    redis.call('ZADD', KEYS[4], ARGV[arg + 4], id)
    free(ARGV[arg], id)
    processed = processed + 1
  elseif outcome == 'r' or outcome == 's' then
    keep(key, 'retry', ARGV[arg], ARGV[arg + 1])
    wait_until(id, ARGV[arg + 2], ARGV[arg + 3])
    if outcome == 'r' then
      processed = processed + 1
      failed = failed + 1
    end
  elseif outcome == 'a' then
    keep(key, 'archived', ARGV[arg], ARGV[arg + 1])
    redis.call('ZADD', KEYS[6], now_s, id)
    processed = processed + 1
    failed = failed + 1
  else
    redis.call('HSET', key, 'state', 'pending', 'pending_since', now_ns)
    redis.call('HDEL', key, 'x_owner')
    if outcome == 'Q' then redis.call('HINCRBY', key, 'x_recovered', 1) end
    back[#back + 1] = id
  end
end

-- Redis without memory refuses a script at its first write, and never later. What is written here needs none worth speaking
-- of, and it is how memory becomes free again: so the first write is one that Redis does not refuse, and it does nothing.
redis.call('ZREM', KEYS[2], '')
local at, last = 5, #ARGV
while at <= last do
  local token, outcome, count = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3])
  local first, step, ids = at + 4, 1 + arity[outcome], {}
  for index = 1, count do ids[index] = ARGV[first + (index - 1) * step] end
  local current = current_of(ids, token, ARGV[at + 1])
  for index, id in ipairs(ids) do
    place = place + 1
    -- An id that comes twice in one batch settles once.
    if current[id] and not left[id] then
      settle(id, outcome, first + (index - 1) * step + 1)
    else
      lost[#lost + 1] = place
    end
  end
  at = first + count * step
end
if #settled == 0 then return lost end

redis.call('ZREM', KEYS[2], unpack(settled))
if #gone > 0 then redis.call('DEL', unpack(gone)) end

-- The oldest ids stand at the tail of active, and those are mostly the ones that are settled. So: pop as many as were
-- settled, put back what is not ours, and search only for the stragglers, from the tail.
local others = {}
for _, id in ipairs(redis.call('RPOP', KEYS[1], #settled) or {}) do
  if left[id] then left[id] = nil else others[#others + 1] = id end
end
if #others > 0 then
  local again = {}
  for index = #others, 1, -1 do again[#again + 1] = others[index] end
  redis.call('RPUSH', KEYS[1], unpack(again))
end
for _, id in ipairs(settled) do
  if left[id] then redis.call('LREM', KEYS[1], -1, id) end
end

-- Pushed from the last to the first, so that the batch stands at the front in its own order.
if #back > 0 then
  local front = {}
  for index = #back, 1, -1 do front[#front + 1] = back[index] end
  redis.call('RPUSH', KEYS[3], unpack(front))
end

local function count(total, day, by)
  if by == 0 then return end
  -- The tasks are settled: a counter that is no number any more must not make that look like a failure.
  if redis.pcall('INCRBY', day, by) == by then redis.call('EXPIRE', day, day_life) end
  -- A total that would pass the largest integer starts again, and the other with it, as asynq has it.
  local reply = redis.pcall('INCRBY', total, by)
  if type(reply) == 'table' and reply.err then
    redis.call('SET', KEYS[8], by)
    redis.call('SET', KEYS[9], 0)
  end
end
count(KEYS[8], KEYS[10], processed)
count(KEYS[9], KEYS[11], failed)
return lost
