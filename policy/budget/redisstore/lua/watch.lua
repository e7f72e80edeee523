-- KEYS: made, accounts; ARGV: lines.
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then watch(KEYS[i], ARGV[i - 1]) end
end
return {now}
