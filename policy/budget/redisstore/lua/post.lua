-- ARGV: an epoch, should there be none, how many notes there may be, and of each
-- note its name, its text and for how many microseconds it is kept.
local more = 0
for i = 3, #ARGV, 3 do
  if not redis.call('ZSCORE', ORDER, ARGV[i]) then more = more + 1 end
end
if redis.call('ZCARD', ORDER) + more > tonumber(ARGV[2]) then return {now, 0} end
redis.call('HSETNX', TOPIC, 'epoch', ARGV[1])
for i = 3, #ARGV, 3 do
  version = math.max(version + 1, now)
  redis.call('HSET', NOTES, ARGV[i], ARGV[i + 1])
  redis.call('ZADD', ORDER, version, ARGV[i])
  redis.call('ZADD', UNTIL, now + ARGV[i + 2], ARGV[i])
end
redis.call('HSET', TOPIC, 'version', version)
return {now, 1}
