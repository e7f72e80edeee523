-- KEYS: made, due; ARGV: how many at most, what keys of holds begin with.
local names = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
if #names == 0 then return {now, 0} end
local holds = {}
for i = 1, #names do
  local raw = redis.call('GET', ARGV[2] .. names[i])
  if held(raw) then
    holds[#holds + 1] = cmsgpack.unpack(raw)
    openHold(holds[#holds])
  end
end
for i = 1, #holds do endHold(holds[i], holds[i][2]) end
for i = 1, #names do redis.call('DEL', ARGV[2] .. names[i]) end -- first, as in settle
redis.call('ZREM', KEYS[2], unpack(names))
save()
return {now, #names}
