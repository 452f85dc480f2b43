-- Makes leases of one queue end later. Only the current lease is extended: the fraction of its score must be the token,
-- and stays. (ZADD XX would also extend the lease of whoever has the task now.)
--
-- KEYS  1 lease
-- ARGV  1 the second at which they end now   then for each item: id, token
-- Returns for each item 1 extended, 0 the lease is lost
local until_s, token_unit = tonumber(ARGV[1]), 4194304
local ids, answers, renewed = {}, {}, {}
for at = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ids))
for index, id in ipairs(ids) do
  local score, token = scores[index] and tonumber(scores[index]), tonumber(ARGV[index * 2 + 1])
  if score and (score % 1) * token_unit == token then
    answers[index] = 1
    renewed[#renewed + 1] = string.format('%.17g', until_s + token / token_unit)
    renewed[#renewed + 1] = id
  else
    answers[index] = 0
  end
end
-- Redis without memory refuses a script at its first write, and never later. What is written here needs none worth speaking
-- of, and a worker that could not extend would lose tasks that it runs: so the first write is one that Redis does not refuse, and it does nothing.
redis.call('ZREM', KEYS[1], '')
if #renewed > 0 then redis.call('ZADD', KEYS[1], 'XX', unpack(renewed)) end
return answers
