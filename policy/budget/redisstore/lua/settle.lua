-- KEYS: made, hold, due; ARGV: amounts, the hold's name, 1 to be told of thresholds.
local raw = redis.call('GET', KEYS[2])
if not raw then return {now, 0} end
local hold = cmsgpack.unpack(raw)
local answer = {now, 1}
openHold(hold)
endHold(hold, ARGV[1], ARGV[3] == '1' and answer)
redis.call('DEL', KEYS[2]) -- first: where memory is full a script may write once it has freed some
redis.call('ZREM', KEYS[3], ARGV[2])
save()
return answer
