-- Shared: stores one task. Stands before the scripts that store tasks.
--
-- place: { prefix, pending, scheduled, due, groups, now_ns, now_s, marker_ms }; now_s is rounded up.
-- An item is, in ARGV from `at`: id, msg, kind, and for each letter of kind, in this order:
--   m  (nothing)          brought by a relay: leave a marker
--   x  text               exact values, beside the message
--   u  lock key, ttl ms   take a unique lock
--   s  second, ms         due then; the second is rounded up
--   g  group              of a group
-- Returns 1 stored, 0 the id is taken, -1 the lock is held, 2 brought before, or an error if a key is not of its type; and
-- where the next item begins.
--
-- Hash and list are what asynq writes. The plain item (kind empty) costs EXISTS and HSET, and its share of one LPUSH of
-- `ready`, the ids that the caller has to push.
local function failed(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply
end

local function store_other(place, ready, id, key, msg, letters, at)
  local has = {}
  local exact, lock, ttl, second, due, group
  for letter in letters:gmatch('.') do
    has[letter] = true
    if letter == 'x' then exact = ARGV[at]; at = at + 1
    elseif letter == 'u' then lock = ARGV[at]; ttl = ARGV[at + 1]; at = at + 2
    elseif letter == 's' then second = ARGV[at]; due = ARGV[at + 1]; at = at + 2
    elseif letter == 'g' then group = ARGV[at]; at = at + 1
    end
  end
  local marker = has.m and (place.prefix .. 'x:pub:' .. id)
  if marker and redis.call('EXISTS', marker) == 1 then return 2, at end
  if redis.call('EXISTS', key) == 1 then return 0, at end
  local owner = lock and redis.call('GET', lock)
  -- A task that was lost without its lock, as by eviction, is brought again.
  if owner and not (marker and owner == id) then return -1, at end
  local fields, failure = { 'msg', msg, 'state', 'pending' }, false
  if second then
    fields[4] = 'scheduled'
    failure = failed('ZADD', place.scheduled, second, id) or failed('ZADD', place.due, due, id)
  elseif group then
    fields[4] = 'aggregating'
    failure = failed('ZADD', place.prefix .. 'g:' .. group, place.now_s, id)
  else
    fields[5] = 'pending_since'; fields[6] = place.now_ns
    ready[#ready + 1] = id
  end
  if lock then fields[#fields + 1] = 'unique_key'; fields[#fields + 1] = lock end
  if exact then fields[#fields + 1] = 'x_exact'; fields[#fields + 1] = exact end
  if group then
    fields[#fields + 1] = 'group'; fields[#fields + 1] = group
    -- Also for a scheduled task: asynq's forwarder puts it into the group but does not list the group.
    failure = failure or failed('SADD', place.groups, group)
  end
  if failure then return failure, at end
  -- What may fail is done: neither the id nor the lock is taken by a task that stands nowhere.
  redis.call('HSET', key, unpack(fields))
  if lock then redis.call('SET', lock, id, 'PX', ttl) end
  if marker then redis.call('SET', marker, '1', 'PX', place.marker_ms) end
  return 1, at
end

local function store(place, ready, at)
  local id, msg, kind = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local key = place.prefix .. 't:' .. id
  if kind ~= '' then return store_other(place, ready, id, key, msg, kind, at + 3) end
  if redis.call('EXISTS', key) == 1 then return 0, at + 3 end
  redis.call('HSET', key, 'msg', msg, 'state', 'pending', 'pending_since', place.now_ns)
  ready[#ready + 1] = id
  return 1, at + 3
end

