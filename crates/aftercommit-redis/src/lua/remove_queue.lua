-- Forgets a queue that holds no task.
--
-- KEYS  1 pending   2 active   3 scheduled   4 retry   5 archived   6 completed   7 groups   8 aggregation_sets
--       then every other key of the queue: lease, counters, pause, ours
-- ARGV  1 prefix of the queue's keys
-- Returns 1 forgotten, 0 it holds tasks
for index = 1, 6 do
  if redis.call('EXISTS', KEYS[index]) == 1 then return 0 end
end
if redis.call('EXISTS', KEYS[8]) == 1 then return 0 end
for _, group in ipairs(redis.call('SMEMBERS', KEYS[7])) do
  if redis.call('EXISTS', ARGV[1] .. 'g:' .. group) == 1 then return 0 end
end
redis.call('DEL', unpack(KEYS))
return 1
