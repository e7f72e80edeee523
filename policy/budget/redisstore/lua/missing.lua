-- KEYS: made, marks of this part; ARGV: marks. It answers which of them are not
-- there, by their place.
local answer = {now, redis.call('EXISTS', KEYS[1])}
for i = 1, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then answer[#answer + 1] = i - 1 end
end
return answer
