-- ARGV: an epoch, should there be none, how many notes there may be, and of each
-- note its name, its text, for how many microseconds it is kept, and 1 if there
-- must be none of its name.
local more, names = 0, {}
for i = 3, #ARGV, 4 do
  local there = names[ARGV[i]] or redis.call('ZSCORE', ORDER, ARGV[i])
  if there and ARGV[i + 3] == '1' then return {now, 2} end
  if not there then more = more + 1 end
  names[ARGV[i]] = true
end
if redis.call('ZCARD', ORDER) + more > tonumber(ARGV[2]) then return {now, 0} end
redis.call('HSETNX', TOPIC, 'epoch', ARGV[1])
for i = 3, #ARGV, 4 do
  version = math.max(version + 1, now)
  redis.call('HSET', NOTES, ARGV[i], ARGV[i + 1])
  redis.call('ZADD', ORDER, version, ARGV[i])
  redis.call('ZADD', UNTIL, now + ARGV[i + 2], ARGV[i])
end
redis.call('HSET', TOPIC, 'version', version)
return {now, 1}
