-- KEYS: made, accounts.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
local answer = {now}
for i = 2, #KEYS do answer[i] = raw[i] or '' end
return answer
