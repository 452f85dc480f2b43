-- Counts a queue, all at one moment.
--
-- KEYS  1 pending   2 active   3 scheduled   4 retry   5 archived   6 completed   7 groups   8 aggregation_sets
--       9 processed   10 failed   11 paused
-- ARGV  1 prefix of the queue's keys   2 groups counted at most   3 tasks sampled for their size at most, of each state
-- Returns {pending, active, scheduled, retry, archived, completed, aggregating, groups, processed, failed, paused,
--          since when the next pending task waits, bytes of the tasks sampled, how many were sampled}
local prefix, max_groups, sample = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local counts = {
  redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]), redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[5]), redis.call('ZCARD', KEYS[6]),
}
local bytes, sampled = 0, 0
local function measure(ids)
  for _, id in ipairs(ids) do
    bytes = bytes + (redis.call('MEMORY', 'USAGE', prefix .. 't:' .. id) or 0)
    sampled = sampled + 1
  end
end
local aggregating, groups, counted = 0, 0, 0
for _, group in ipairs(redis.call('SRANDMEMBER', KEYS[7], max_groups)) do
  local size = redis.call('ZCARD', prefix .. 'g:' .. group)
  counted = counted + 1
  aggregating = aggregating + size
  if size > 0 then groups = groups + 1 end
  if sampled < sample then measure(redis.call('ZRANGE', prefix .. 'g:' .. group, 0, sample - sampled - 1)) end
end
-- Of more groups than that, the rest is taken to be like those that were counted.
local all = redis.call('SCARD', KEYS[7])
if counted > 0 and all > counted then
  aggregating = math.floor(aggregating * all / counted)
  groups = math.floor(groups * all / counted)
end
for _, set in ipairs(redis.call('ZRANGE', KEYS[8], 0, max_groups - 1)) do
  aggregating = aggregating + redis.call('ZCARD', set)
end
if sample > 0 then
  measure(redis.call('LRANGE', KEYS[1], -sample, -1))
  measure(redis.call('LRANGE', KEYS[2], -sample, -1))
  for set = 3, 6 do measure(redis.call('ZRANGE', KEYS[set], 0, sample - 1)) end
end
local oldest = redis.call('LRANGE', KEYS[1], -1, -1)[1]
local since = oldest and redis.call('HGET', prefix .. 't:' .. oldest, 'pending_since')
return {
  counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], aggregating, groups,
  redis.call('GET', KEYS[9]), redis.call('GET', KEYS[10]), redis.call('GET', KEYS[11]), since or false, bytes, sampled,
}
