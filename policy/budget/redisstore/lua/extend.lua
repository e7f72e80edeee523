-- KEYS: made, hold; ARGV: amounts.
local raw = redis.call('MGET', unpack(KEYS))
if not raw[1] then return fresh() end
if not held(raw[2]) then return {now, -1, 0} end
local hold = cmsgpack.unpack(raw[2])
local most = {}
for unit = 0, #ARGV[1] / 8 - 1 do
  local h, l = amount(ARGV[1], unit)
  local bh, bl = amount(hold[2], unit)
  if less(h, l, bh, bl) then h, l = bh, bl end
  most[#most + 1] = struct.pack('>i4I4', h, l)
end
most = table.concat(most)
if most == hold[2] then return {now, -1, 0} end
openHold(hold)
for i = HEAD + 1, #hold, EACH do
  local t = terms(hold[i + 1])
  local bh, bl = amount(hold[2], t.unit)
  local mh, ml = amount(most, t.unit)
  if not take(states[hold[i]], t, bh, bl, mh, ml) then
    return short((i - HEAD - 1) / EACH, hold[i], hold[i + 1], states[hold[i]], bh, bl)
  end
end
hold[2] = most
marks(hold)
save()
redis.call('SET', KEYS[2], cmsgpack.pack(hold))
return {now, -1, 0}
