-- Stores a batch of tasks in one queue. Each item is stored whole or refused whole; items see each other in order.
--
-- KEYS  1 pending   2 scheduled   3 x:due   4 groups
-- ARGV  1 prefix of the queue's keys   2 now in nanoseconds   3 now in seconds, rounded up   4 marker life in ms
--       then the items, as store.lua has them
-- Returns for each item 1 stored, 0 the id is taken, -1 the lock is held, 2 brought before
--
-- Lua takes nothing back, and a task whose id is taken and that stands in no list would be lost. So it is certain from the
-- start that pending is a list, and when an item fails those before it are pushed all the same.
local place = {
  prefix = ARGV[1], pending = KEYS[1], scheduled = KEYS[2], due = KEYS[3], groups = KEYS[4],
  now_ns = ARGV[2], now_s = ARGV[3], marker_ms = ARGV[4],
}
local answers, ready, at = {}, {}, 5
local function push()
  if #ready > 0 then redis.call('LPUSH', place.pending, unpack(ready)) end
end

redis.call('LLEN', place.pending)
while at <= #ARGV do
  local answer, next_at = store(place, ready, at)
  if type(answer) == 'table' then
    push()
    return answer
  end
  answers[#answers + 1], at = answer, next_at
end
push()
return answers
