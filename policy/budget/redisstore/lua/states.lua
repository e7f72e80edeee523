-- KEYS: made, accounts; ARGV: lines, as of kept.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
local answer = {now}
for i = 2, #KEYS do
  local _, _, there = kept(KEYS[i], ARGV[i - 1], terms(ARGV[i - 1]), raw[i], i - 1)
  answer[i] = there or ''
end
return answer
