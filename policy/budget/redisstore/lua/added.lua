-- KEYS: accounts that were added already, marks of this part, opens; ARGV: how long
-- others have, in microseconds, and marks.
for i = 2, #ARGV do redis.call('HSET', KEYS[2], ARGV[i], now) end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], now + ARGV[1], 'NX')
return {now}
