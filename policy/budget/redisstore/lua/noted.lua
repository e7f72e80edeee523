-- KEYS: marks of this part, notes of it. It answers pairs of a mark that is there and
-- what was noted of it.
local answer = {now}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if redis.call('HEXISTS', KEYS[1], all[i]) == 1 then
    answer[#answer + 1] = all[i]
    answer[#answer + 1] = all[i + 1]
  end
end
return answer
