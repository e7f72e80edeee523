-- KEYS: what was told of accounts; ARGV: how much is kept of each, and of each the
-- share and limit, what was spent, and for how many seconds it is kept; 0: for ever.
local size = 4 + 3 * 8
for i = 1, #KEYS do
  local share, spent, keep = ARGV[3 * i - 1], ARGV[3 * i], tonumber(ARGV[3 * i + 1])
  local had, kept = redis.call('GET', KEYS[i]) or '', {}
  for at = 1, #had, size do
    local one = string.sub(had, at, at + size - 1)
    if string.sub(one, 1, #share) ~= share then kept[#kept + 1] = one end
  end
  kept[#kept + 1] = share .. spent .. struct.pack('>I8', now)
  while #kept > tonumber(ARGV[1]) do table.remove(kept, 1) end
  redis.call('SET', KEYS[i], table.concat(kept))
  if keep > 0 then redis.call('EXPIRE', KEYS[i], keep) end
end
return {now}
