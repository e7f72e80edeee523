-- KEYS: made, watched, looking; ARGV: who looks, for how many milliseconds that is
-- theirs, where they are, how many at most, what keys of accounts and of what was told
-- begin with, and how many seconds before it is forgotten an account is over. It
-- answers where to go on, and of each account its key, its line, how it stands and
-- what was told.
if redis.call('EXISTS', KEYS[1]) == 0 then return fresh() end
local whose = redis.call('GET', KEYS[3])
if whose and whose ~= ARGV[1] then return {now, 0} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
local scan = redis.call('HSCAN', KEYS[2], ARGV[3], 'COUNT', ARGV[4])
local answer, gone = {now, 1, scan[1]}, {}
for i = 1, #scan[2], 2 do
  local key, line = scan[2][i], scan[2][i + 1]
  local raw = redis.call('GET', ARGV[5] .. key)
  local expire = terms(line).expire
  if not raw or expire > 0 and now / 1000000 >= expire - ARGV[7] then
    gone[#gone + 1] = key
  else
    local n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4] = key, line, raw, redis.call('GET', ARGV[6] .. key) or ''
  end
end
if #gone > 0 then redis.call('HDEL', KEYS[2], unpack(gone)) end
return answer
