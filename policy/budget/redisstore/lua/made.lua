-- KEYS: made; ARGV: 1 to say that all was loaded.
if ARGV[1] == '1' then redis.call('SET', KEYS[1], now, 'NX') end
return {now, redis.call('EXISTS', KEYS[1])}
