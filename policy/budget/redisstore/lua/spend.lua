-- KEYS: made, hold, accounts; ARGV: amounts, 1 to be told of thresholds, for how many
-- seconds it is done once, when it was spent or nothing for now, lines.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
local answer = {now}
if raw[2] then return answer end
for i = 3, #KEYS do
  local line = ARGV[i + 2]
  local t = terms(line)
  local s = open(KEYS[i], t, raw[i])
  local beforeH, beforeL = s.sh, s.sl
  local h, l = amount(ARGV[1], t.unit)
  spend(s, t, h, l, tonumber(ARGV[4]) or now)
  if ARGV[2] == '1' then told(answer, KEYS[i], line, s, beforeH, beforeL) end
end
save()
redis.call('SET', KEYS[2], '', 'EX', ARGV[3])
return answer
