-- KEYS: made, hold, due, accounts; ARGV: until, amounts, the hold's name, when
-- what is settled was spent or nothing for now, lines.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
if held(raw[2]) then return {now, -1} end
if raw[2] then return redis.error_reply('ENDED the hold came too late') end
local hold = {tonumber(ARGV[4]) or now, ARGV[2]}
for i = 4, #KEYS do
  local t = terms(ARGV[i + 1])
  local s = open(KEYS[i], t, raw[i])
  local h, l = amount(ARGV[2], t.unit)
  if not take(s, t, 0, 0, h, l) then
    return {now, i - 4, ARGV[i + 1], packed(s), struct.pack('>i4I4', 0, 0)}
  end
  hold[#hold + 1] = KEYS[i]
  hold[#hold + 1] = ARGV[i + 1]
  hold[#hold + 1] = ''
end
marks(hold)
save()
redis.call('SET', KEYS[2], cmsgpack.pack(hold))
redis.call('ZADD', KEYS[3], ARGV[1], ARGV[3])
return {now, -1}
