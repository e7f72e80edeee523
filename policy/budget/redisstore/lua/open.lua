-- KEYS: made, opens.
local opens = redis.call('GET', KEYS[2])
if not opens or now < tonumber(opens) then return {now, 0} end
redis.call('SET', KEYS[1], now, 'NX')
return {now, 1}
