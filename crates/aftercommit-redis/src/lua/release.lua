-- Puts tasks of sets of one queue back into their groups, with the scores they had.
--
-- KEYS  1 groups   2 aggregation_sets   3 x:held
-- ARGV  1 prefix of the queue's keys   2 now in seconds, or nothing   then
--         with now: 3 limit                     every set whose deadline has passed
--         without:  3 key of a set              this one
-- Returns how many sets went back
--
-- The group is listed again; asynq leaves that out, so that the tasks are found only when another of the group comes. For
-- what asynq puts back before us, the groups of all sets that are held stand in x:held, and are listed when they have tasks.
local prefix, now_s = ARGV[1], ARGV[2]
local chunk, sets, released = 1000, { ARGV[3] }, 0
local max_held = 500
if now_s ~= '' then
  for _, group in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    if redis.call('EXISTS', prefix .. 'g:' .. group) == 1 then redis.call('SADD', KEYS[1], group) end
  end
  redis.call('DEL', KEYS[3])
  sets = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_s, 'LIMIT', 0, ARGV[3])
end
for _, set_key in ipairs(sets) do
  if redis.call('ZREM', KEYS[2], set_key) == 1 then
    local group_key = set_key:match('^(.*):[^:]*$')
    local members = redis.call('ZRANGE', set_key, 0, -1, 'WITHSCORES')
    for first = 1, #members, chunk do
      local some = {}
      for at = first, math.min(first + chunk - 1, #members), 2 do
        some[#some + 1] = members[at + 1]
        some[#some + 1] = members[at]
      end
      redis.call('ZADD', group_key, unpack(some))
    end
    if #members > 0 then redis.call('SADD', KEYS[1], group_key:sub(#prefix + 3)) end
    redis.call('UNLINK', set_key)
    released = released + 1
  end
end
if now_s ~= '' then
  for _, set_key in ipairs(redis.call('ZRANGE', KEYS[2], 0, max_held - 1)) do
    redis.call('SADD', KEYS[3], set_key:match('^(.*):[^:]*$'):sub(#prefix + 3))
  end
end
return released
