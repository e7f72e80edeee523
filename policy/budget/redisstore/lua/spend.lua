-- KEYS: made, hold, accounts; ARGV: amounts, 1 to be told of thresholds, for how many
-- seconds it is done once, when it was spent or nothing for now, lines, as of kept.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
local answer = {now, 0}
if raw[2] then return answer end
for i = 3, #KEYS do
  local t = terms(ARGV[i + 2])
  local s, key, line = openKept(KEYS[i], ARGV[i + 2], t, raw[i], i - 2)
  if key ~= KEYS[i] then answer[2] = answer[2] + 1 end
  local beforeH, beforeL = s.sh, s.sl
  local h, l = amount(ARGV[1], t.unit)
  spend(s, t, h, l, tonumber(ARGV[4]) or now)
  if ARGV[2] == '1' then told(answer, key, line, s, beforeH, beforeL) end
end
save()
redis.call('SET', KEYS[2], '', 'EX', ARGV[3])
return answer
