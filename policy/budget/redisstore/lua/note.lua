-- KEYS: marks of this part, notes of it; ARGV: pairs of a mark and what is noted of it.
for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return {now}
