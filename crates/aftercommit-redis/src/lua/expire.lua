-- Deletes tasks of one queue that are over: completed ones after their retention, archived ones beyond the limits.
--
-- KEYS  1 the set: completed or archived
-- ARGV  1 prefix of the queue's keys   2 limit   3 highest score that is over   4 how many tasks may stay, or -1
-- Returns how many were deleted
--
-- In chunks that the caller chooses, with the locks of the tasks. (asynq unpacks all victims at once, which fails beyond
-- 8,000 and leaves the queue unable to archive.)
local prefix, limit, over, may_stay = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
if limit == 0 then return 0 end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', over, 'LIMIT', 0, limit)
if may_stay >= 0 then
  local surplus = math.min(redis.call('ZCARD', KEYS[1]) - may_stay, limit)
  if surplus > #ids then ids = redis.call('ZRANGE', KEYS[1], 0, surplus - 1) end
end
if #ids == 0 then return 0 end
redis.call('ZREM', KEYS[1], unpack(ids))
for _, id in ipairs(ids) do
  free_lock(prefix, id)
  redis.call('UNLINK', prefix .. 't:' .. id)
end
return #ids
