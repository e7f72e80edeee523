-- KEYS: made, hold, next hold, due; ARGV: until, spent, rest, the names of both
-- holds, 1 to be told of thresholds.
local raw = redis.call('GET', KEYS[2])
if not held(raw) then return {now, held(redis.call('GET', KEYS[3])) and 1 or 0} end
local hold = cmsgpack.unpack(raw)
local rest = {}
for unit = 0, #ARGV[3] / 8 - 1 do
  local h, l = amount(ARGV[3], unit)
  local mh, ml = amount(hold[2], unit)
  if less(mh, ml, h, l) then h, l = mh, ml end
  rest[#rest + 1] = struct.pack('>i4I4', h, l)
end
rest = table.concat(rest)
local answer = {now, 1}
openHold(hold)
for i = HEAD + 1, #hold, EACH do
  local s = states[hold[i]]
  local t = s.terms
  local beforeH, beforeL = s.sh, s.sl
  local mh, ml = amount(hold[2], t.unit)
  local rh, rl = amount(rest, t.unit)
  local h, l = amount(ARGV[2], t.unit)
  if t.kind == RATE then
    h, l = add(h, l, rh, rl)
  else
    mh, ml = sub(mh, ml, rh, rl)
  end
  settle(s, t, mh, ml, h, l, hold[1], hold[i + 2])
  if ARGV[6] == '1' then told(answer, hold[i], hold[i + 1], s, beforeH, beforeL) end
end
hold[2] = rest
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[4], ARGV[4])
save()
redis.call('SET', KEYS[3], cmsgpack.pack(hold))
redis.call('ZADD', KEYS[4], ARGV[1], ARGV[5])
return answer
