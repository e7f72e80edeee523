-- KEYS: accounts that were added already, an account for each state; ARGV: as of
-- load, as of kept.
local skip, into = {}, {}
for i = 2, #KEYS do
  local key, at = KEYS[i], 3 * (i - 2) + 1
  local t = terms(ARGV[at])
  if skip[key] == nil then
    skip[key] = t.kind == CALLS or redis.call('SISMEMBER', KEYS[1], key) == 1
    if not skip[key] then
      into[key] = openKept(key, ARGV[at], t, redis.call('GET', key), i - 1)
      redis.call('SADD', KEYS[1], key)
    end
  end
  if not skip[key] then
    local h, l = amount(ARGV[at + 1], 0)
    local moment = tonumber(ARGV[at + 2])
    spend(into[key], t, h, l, moment > 0 and moment or now)
  end
end
save()
return {now}
