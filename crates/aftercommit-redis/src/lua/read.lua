-- Reads a page of one collection of a queue, or one task.
--
-- KEYS  1 lease   2 x:due   3 scheduled   4 retry   5 archived   6 completed   7 the collection, for a page
-- ARGV  1 prefix of the task keys   2 what: task, list, set   then
--         task       3 id
--         list, set  3 first   4 last, both inclusive; a list is read from its tail
-- Returns for each task {id, score in its set, exact due time, lease, state, msg, x_exact, x_recovered, x_owner, result}
local task_prefix, what = ARGV[1], ARGV[2]
local sets = { scheduled = KEYS[3], retry = KEYS[4], archived = KEYS[5], completed = KEYS[6] }
local rows = {}

local function add(id)
  local row = redis.call('HMGET', task_prefix .. id, 'state', 'msg', 'x_exact', 'x_recovered', 'x_owner', 'result')
  local state = row[1]
  if not state then return end
  local due, lease, score = false, false, false
  if sets[state] then score = redis.call('ZSCORE', sets[state], id) end
  if state == 'scheduled' or state == 'retry' then due = redis.call('ZSCORE', KEYS[2], id) end
  if state == 'active' then lease = redis.call('ZSCORE', KEYS[1], id) end
  rows[#rows + 1] = { id, score, due, lease, state, row[2], row[3], row[4], row[5], row[6] }
end

if what == 'task' then
  add(ARGV[3])
elseif what == 'set' then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[7], ARGV[3], ARGV[4])) do add(id) end
else
  local ids = redis.call('LRANGE', KEYS[7], -1 - ARGV[4], -1 - ARGV[3])
  for at = #ids, 1, -1 do add(ids[at]) end
end
return rows
