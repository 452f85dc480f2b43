-- Looks at some of the groups of one queue, and moves the tasks of the ripe ones into sets of their own.
--
-- KEYS  1 groups   2 aggregation_sets
-- ARGV  1 prefix of the queue's keys   2 now in seconds   3 grace period in seconds   4 max delay in seconds or -1
--       5 size from which on a group is full, or -1   6 tasks a set holds at most   7 second at which a set may be reclaimed   8 SSCAN cursor
--       then an id for each set that may be made
-- Returns the next cursor ('0' at the end), the second at which the next group is ripe or -1, then {group, set id} for
-- each set made. With no id left, a ripe group is left behind and the second is now.
--
-- Scores of a group are whole seconds, rounded up when we write them: a group is never ripe too early.
local prefix, now_s, grace = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local max_delay, full, size_of_set = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local next_set, next_s, chunk = 9, -1, 1000
local scan = redis.call('SSCAN', KEYS[1], ARGV[8], 'COUNT', 500)
local reply = { scan[1], -1 }

local function note(second)
  if next_s < 0 or second < next_s then next_s = second end
end

local function move(group, key)
  local set = ARGV[next_set]
  next_set = next_set + 1
  local set_key = key .. ':' .. set
  local members = redis.call('ZRANGE', key, 0, size_of_set - 1, 'WITHSCORES')
  for first = 1, #members, chunk do
    local pairs_of_chunk = {}
    for at = first, math.min(first + chunk - 1, #members), 2 do
      pairs_of_chunk[#pairs_of_chunk + 1] = members[at + 1]
      pairs_of_chunk[#pairs_of_chunk + 1] = members[at]
    end
    redis.call('ZADD', set_key, unpack(pairs_of_chunk))
  end
  redis.call('ZREMRANGEBYRANK', key, 0, size_of_set - 1)
  redis.call('ZADD', KEYS[2], ARGV[7], set_key)
  reply[#reply + 1] = { group, set }
end

for _, group in ipairs(scan[2]) do
  local key = prefix .. 'g:' .. group
  while true do
    local size = redis.call('ZCARD', key)
    if size == 0 then
      redis.call('SREM', KEYS[1], group)
      break
    end
    local oldest = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
    local ripe_s = newest + grace
    if max_delay >= 0 then ripe_s = math.min(ripe_s, oldest + max_delay) end
    if full > 0 and size >= full then ripe_s = now_s end
    if ripe_s > now_s then
      note(ripe_s)
      break
    end
    if not ARGV[next_set] then
      note(now_s)
      break
    end
    move(group, key)
  end
end
reply[2] = next_s
return reply
