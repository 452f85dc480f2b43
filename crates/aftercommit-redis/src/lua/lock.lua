-- Shared: frees the unique lock of a task that is deleted. Stands before the scripts that delete tasks.
--
-- The key of the lock stands in the task's hash. Of a task that asynq put into a group it stands in the message alone, as
-- field 10: a tag, a length of one or two bytes, the key. What looks like one and is not, in a payload, does no harm: a
-- lock is freed only if it is this task's.
local function lock_in(msg, beginning)
  local tag, at = 82, msg:find(beginning, 1, true)
  while at do
    local length, before = msg:byte(at - 1, at - 1), msg:byte(at - 2, at - 2)
    if length and before and length < 128 then
      if before == tag then return msg:sub(at, at + length - 1) end
      if before >= 128 and msg:byte(at - 3, at - 3) == tag then
        return msg:sub(at, at + length * 128 + before - 128 - 1)
      end
    end
    at = msg:find(beginning, at + 1, true)
  end
end

local function free_lock(prefix, id)
  local key = prefix .. 't:' .. id
  local row = redis.call('HMGET', key, 'unique_key', 'group')
  local lock = row[1]
  if not lock and row[2] then lock = lock_in(redis.call('HGET', key, 'msg') or '', prefix .. 'unique:') end
  if lock and redis.call('GET', lock) == id then redis.call('DEL', lock) end
end

