-- KEYS: made, accounts; ARGV: amounts, 1 to be told of thresholds, lines.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
local answer = {now}
for i = 2, #KEYS do
  local line = ARGV[i + 1]
  local t = terms(line)
  local s = open(KEYS[i], t, raw[i])
  local beforeH, beforeL = s.sh, s.sl
  local h, l = amount(ARGV[1], t.unit)
  spend(s, t, h, l, now)
  if ARGV[2] == '1' then told(answer, KEYS[i], line, s, beforeH, beforeL) end
end
save()
return answer
