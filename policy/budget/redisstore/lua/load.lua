-- KEYS: made, an account for each state; ARGV: of each state the line, what was
-- spent, and when, in microseconds since 1970; 0: now.
local raw = redis.call('MGET', unpack(KEYS))
for i = 2, #KEYS do
  local at = 3 * (i - 2) + 1
  local t = terms(ARGV[at])
  if not raw[i] and t.kind ~= CALLS then
    local s = open(KEYS[i], t, raw[i])
    local h, l = amount(ARGV[at + 1], 0)
    local moment = tonumber(ARGV[at + 2])
    spend(s, t, h, l, moment > 0 and moment or now)
  end
end
save()
return {now}
