-- KEYS: made, hold, due, accounts; ARGV: until, amounts, the hold's name, when
-- what is settled was spent or nothing for now, lines, as of kept.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
if held(raw[2]) then return {now, -1, 0} end
if raw[2] then return redis.error_reply('ENDED the hold came too late') end
local hold, shared = {tonumber(ARGV[4]) or now, ARGV[2]}, 0
for i = 4, #KEYS do
  local t = terms(ARGV[i + 1])
  local s, key, line = openKept(KEYS[i], ARGV[i + 1], t, raw[i], i - 3)
  local h, l = amount(ARGV[2], t.unit)
  if not take(s, t, 0, 0, h, l) then return short(i - 4, key, line, s, 0, 0) end
  if key ~= KEYS[i] then shared = shared + 1 end
  hold[#hold + 1] = key
  hold[#hold + 1] = line
  hold[#hold + 1] = ''
end
marks(hold)
save()
redis.call('SET', KEYS[2], cmsgpack.pack(hold))
redis.call('ZADD', KEYS[3], ARGV[1], ARGV[3])
return {now, -1, shared}
