-- KEYS: marks of this part, notes of it; ARGV: marks.
for i = 1, #ARGV do
  redis.call('HDEL', KEYS[1], ARGV[i])
  redis.call('HDEL', KEYS[2], ARGV[i])
end
return {now}
