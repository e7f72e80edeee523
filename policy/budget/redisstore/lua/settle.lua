-- KEYS: made, hold, due; ARGV: amounts, the hold's name, 1 to be told of thresholds,
-- for how many seconds none of its name is taken then.
local raw = redis.call('GET', KEYS[2])
local answer = {now, 0}
if held(raw) then
  local hold = cmsgpack.unpack(raw)
  answer[2] = 1
  openHold(hold)
  endHold(hold, ARGV[1], ARGV[3] == '1' and answer)
  redis.call('DEL', KEYS[2]) -- first: where memory is full a script may write once it has freed some
  redis.call('ZREM', KEYS[3], ARGV[2])
  save()
end
if ARGV[4] ~= '0' then redis.call('SET', KEYS[2], '', 'EX', ARGV[4]) end
return answer
