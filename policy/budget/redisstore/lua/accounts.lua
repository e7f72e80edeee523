local now = clock()

-- What kinds of account there are: sums that stay, calls under way, windows that
-- move with the clock, and rates.
local SUM, CALLS, MOVING, RATE = 0, 1, 2, 3

-- parts is in how many parts a moving window is counted.
local parts = 60

-- fresh is the answer of a store that nothing was loaded into.
local function fresh()
  return redis.error_reply('FRESH nothing was loaded')
end

-- terms are how an account counts, as the caller packed it: its kind and unit,
-- whether it is soft, its limit, the length of its window or rate and of a part of
-- it in microseconds, and the second at which it may be forgotten; 0: never.
local function terms(line)
  local t = {line = line}
  t.kind, t.unit, t.soft, t.lh, t.ll, t.span, t.part, t.expire = struct.unpack('>BBBi4I4I8I8I8', line)
  return t
end

-- amount is what there is of a unit in packed amounts.
local function amount(packed, unit)
  local h, l = struct.unpack('>i4I4', packed, 8 * unit + 1)
  return h, l
end

-- states are those that were opened, by key and in order: an account that is there
-- twice has one.
local states, opened = {}, {}

-- open reads how an account stands now. Of a moving window, what left it is left
-- out; of a rate, level is what is not refilled yet, times span.
local function open(key, t, raw)
  local s = states[key]
  if s then return s end
  s = {key = key, terms = t, there = raw and true, sh = 0, sl = 0, hh = 0, hl = 0}
  states[key] = s
  opened[#opened + 1] = s
  if t.kind == RATE then
    s.level, s.at = {0, 0, 0, 0, 0, 0}, now
  elseif t.kind == MOVING then
    s.number, s.ph, s.pl = {}, {}, {}
  end
  if not raw then return s end
  if t.kind == RATE then
    local at
    local v = s.level
    at, v[1], v[2], v[3], v[4], v[5], v[6] = struct.unpack('>I8I3I3I3I3I3I3', raw)
    s.level = minus(v, times(widened(math.max(0, now - at)), wide(t.lh, t.ll)))
    s.at = math.max(now, at) -- if the clock was set back, time is not counted twice
  elseif t.kind == MOVING then
    s.hh, s.hl = struct.unpack('>i4I4', raw)
    local first = floor(now / t.part) - parts
    for at = 9, #raw, 16 do
      local number, h, l = struct.unpack('>I8i4I4', raw, at)
      if number >= first then
        s.number[#s.number + 1], s.ph[#s.ph + 1], s.pl[#s.pl + 1] = number, h, l
        s.sh, s.sl = add(s.sh, s.sl, h, l)
      end
    end
  else
    s.sh, s.sl, s.hh, s.hl = struct.unpack('>i4I4i4I4', raw)
  end
  return s
end

-- OTHERS is what the account is of that values share which have none of their own.
local OTHERS = '(others)'

-- parted is what stands before and after what an account is of, in its key, what that
-- is, and the key that counts accounts of its rule and window.
local function parted(key, line)
  local _, from = string.find(key, '}:a:', 1, true)
  local rule, of = struct.unpack('>I4I4', line, #line - 7)
  local at = from + rule + 2
  local tail = string.sub(key, at + of)
  local count = string.sub(key, 1, from - 2) .. 'n:' .. string.sub(key, from + 1, from + rule) .. tail
  return string.sub(key, 1, at - 1), tail, string.sub(key, at, at + of - 1), count
end

-- made are the new accounts of this script, by the key that counts them.
local made = {}

-- per is in which time new accounts of a moving window or a rate are counted: no more
-- than they stay at least.
local function per(t)
  return t.kind == RATE and 60000000 or t.span
end

-- kept is the key and the line that an account is kept by, and how it stands: its own,
-- or those of OTHERS where it is not there, is one of many, and as many are as may be.
-- The two last arguments of a script are how many, and a 1 for each that is one of
-- many. Of an account that may be made it says, in the end, what counts it.
local function kept(key, line, t, raw, at)
  if raw or states[key] or t.kind == CALLS or string.byte(ARGV[#ARGV], at) ~= 49 then return key, line, raw end
  local head, tail, _, count = parted(key, line)
  if t.kind ~= SUM then count = count .. string.format(' %.0f', floor(now / per(t))) end
  local n = tonumber(redis.call('GET', count) or 0) + (made[count] and made[count].n or 0)
  if n < tonumber(ARGV[#ARGV - 1]) then return key, line, raw, count end
  key = head .. OTHERS .. tail
  return key, string.sub(line, 1, #line - 4) .. struct.pack('>I4', #OTHERS), not states[key] and redis.call('GET', key)
end

-- openKept opens an account as it is kept, and says by which key and line.
local function openKept(key, line, t, raw, at)
  local own, count = key, nil
  key, line, raw, count = kept(key, line, t, raw, at)
  if count then
    made[count] = made[count] or {n = 0, terms = t}
    made[count].n = made[count].n + 1
  end
  return open(key, key == own and t or terms(line), raw), key, line
end

-- counted adds the accounts that were made to those that were before.
local function counted()
  for count, m in pairs(made) do
    redis.call('INCRBY', count, m.n)
    if m.terms.kind ~= SUM then
      redis.call('EXPIRE', count, floor(per(m.terms) / 1000000) + 1)
    elseif m.terms.expire > 0 then
      redis.call('EXPIREAT', count, m.terms.expire)
    end
  end
end

local function packed(s)
  local kind = s.terms.kind
  if kind == RATE then
    return struct.pack('>I8I3I3I3I3I3I3', s.at, unpack(s.level))
  elseif kind == MOVING then
    local all = {struct.pack('>i4I4', s.hh, s.hl)}
    for i = 1, #s.number do
      all[i + 1] = struct.pack('>I8i4I4', s.number[i], s.ph[i], s.pl[i])
    end
    return table.concat(all)
  end
  return struct.pack('>i4I4i4I4', s.sh, s.sl, s.hh, s.hl)
end

-- spend counts an amount that may be below 0 in a part of the window that the
-- moment at is in.
local function spendAt(s, t, h, l, at)
  local number = floor(at / t.part)
  if number < floor(now / t.part) - parts or h == 0 and l == 0 then return end
  local i = #s.number
  while i > 0 and s.number[i] ~= number do i = i - 1 end
  if i == 0 then
    i = #s.number + 1
    s.number[i], s.ph[i], s.pl[i] = number, 0, 0
  end
  s.ph[i], s.pl[i] = add(s.ph[i], s.pl[i], h, l)
  s.sh, s.sl = 0, 0
  for k = 1, #s.number do
    s.sh, s.sl = add(s.sh, s.sl, s.ph[k], s.pl[k])
  end
end

-- scaled is an amount that is not below 0, times what a rate refills in.
local function scaled(t, h, l)
  return times(wide(h, l), widened(t.span))
end

-- raiseLevel stops at the largest amount.
local function raiseLevel(s, t, by)
  s.level = plus(s.level, by)
  if s.level[6] + s.level[5] + s.level[4] == 0 and s.level[3] < 16384 then return end -- 2^62
  local most = scaled(t, 2147483647, half - 1)
  if smaller(most, s.level) then s.level = most end
end

-- take holds mh, ml in place of bh, bl, which is not more, or says that there is
-- too little for it.
local function take(s, t, bh, bl, mh, ml)
  local h, l = sub(mh, ml, bh, bl)
  local ask = t.soft == 0 and (h ~= 0 or l ~= 0)
  if t.kind == RATE then
    local by = scaled(t, h, l)
    if ask and smaller(scaled(t, math.max(0, t.lh), t.ll), plus(s.level, by)) then return false end
    raiseLevel(s, t, by)
    return true
  end
  local leftH, leftL = sub(t.lh, t.ll, s.sh, s.sl)
  leftH, leftL = sub(leftH, leftL, s.hh, s.hl)
  if ask and less(leftH, leftL, h, l) then return false end
  s.hh, s.hl = add(s.hh, s.hl, h, l)
  return true
end

-- correct puts what was spent of a rate in place of what was taken. Of what was
-- taken too much, that comes back which would not be refilled yet had nothing else
-- been taken since: mark is the rate as it was then.
local function correct(s, t, takenH, takenL, spentH, spentL, mark)
  if not less(spentH, spentL, takenH, takenL) then
    raiseLevel(s, t, scaled(t, sub(spentH, spentL, takenH, takenL)))
    return
  end
  local back = scaled(t, sub(takenH, takenL, spentH, spentL))
  local at, v = nil, {}
  at, v[1], v[2], v[3], v[4], v[5], v[6] = struct.unpack('>I8I3I3I3I3I3I3', mark)
  local own = minus(v, times(widened(math.max(0, now - at)), wide(t.lh, t.ll)))
  if smaller(own, back) then back = own end
  s.level = minus(s.level, back)
end

-- spend counts without a hold.
local function spend(s, t, h, l, at)
  if t.kind == SUM then
    s.sh, s.sl = add(s.sh, s.sl, h, l)
  elseif t.kind == MOVING then
    spendAt(s, t, h, l, at)
  elseif t.kind == RATE then
    correct(s, t, 0, 0, h, l, packed(s))
  end
end

-- settle puts what was spent in place of what was held since at.
local function settle(s, t, mh, ml, h, l, at, mark)
  if t.kind == RATE then
    correct(s, t, mh, ml, h, l, mark)
    return
  end
  s.hh, s.hl = sub(s.hh, s.hl, mh, ml)
  if s.hh < 0 then s.hh, s.hl = 0, 0 end
  spend(s, t, h, l, at)
end

-- told appends what a threshold may be found by: the account, and what was spent
-- of it before and after. Rates, and calls under way, spend nothing.
local function told(answer, key, line, s, beforeH, beforeL)
  if less(beforeH, beforeL, s.sh, s.sl) then
    answer[#answer + 1] = key
    answer[#answer + 1] = line
    answer[#answer + 1] = struct.pack('>i4I4i4I4', beforeH, beforeL, s.sh, s.sl)
  end
end

-- drained is in how many seconds a rate will be full again, and more.
local function drained(s)
  local level = 0
  for i = 6, 1, -1 do level = level * limb + s.level[i] end
  local each = math.max(1, s.terms.lh * half + s.terms.ll) * 1000000
  return math.min(315360000, floor(level / each * 1.001) + 60)
end

-- watch has an account, by its key, be looked at for what was crossed of it.
local function watch(key, line)
  local prefix = string.match(KEYS[1], '^.-}:')
  redis.call('HSET', prefix .. 'watched', string.sub(key, #prefix + #'a:' + 1), line)
end

-- short is the answer that an account has too little left: its place, how it counts
-- and stands, what was held of it before, and 1 if it is that of OTHERS.
local function short(at, key, line, s, bh, bl)
  local _, _, of = parted(key, line)
  return {now, at, line, packed(s), struct.pack('>i4I4', bh, bl), of == OTHERS and 1 or 0}
end

-- save writes all that was opened, and has what adds up and is new watched. What
-- counts no more is forgotten; a moving window and a rate are by themselves, once all
-- of it has passed.
local function save()
  counted()
  for i = 1, #opened do -- first, so that nothing is written where this fails
    local s = opened[i]
    if not s.there and (s.terms.kind == SUM or s.terms.kind == MOVING) then watch(s.key, s.terms.line) end
  end
  for i = 1, #opened do
    local s = opened[i]
    local kind, empty = s.terms.kind, s.hh == 0 and s.hl == 0
    if kind == SUM and s.terms.expire > 0 then
      redis.call('SET', s.key, packed(s), 'EXAT', s.terms.expire)
    elseif kind == RATE then
      redis.call('SET', s.key, packed(s), 'EX', drained(s))
    elseif kind == MOVING and empty then
      redis.call('SET', s.key, packed(s), 'EXAT', floor((now + s.terms.span + 2 * s.terms.part) / 1000000) + 1)
    elseif kind == CALLS and empty then
      redis.call('DEL', s.key)
    else
      redis.call('SET', s.key, packed(s))
    end
  end
end

-- A hold is packed as when it was taken, its amounts, and of each account its key,
-- its line, and for a rate how that was left.
local HEAD, EACH = 2, 3

-- held reports whether what a hold's key has is one: of one that was ended for good it
-- has nothing, for a while.
local function held(raw)
  return raw and raw ~= ''
end

-- openHold opens the accounts of a hold.
local function openHold(hold)
  local keys = {}
  for i = HEAD + 1, #hold, EACH do keys[#keys + 1] = hold[i] end
  if #keys == 0 then return end
  local raw = redis.call('MGET', unpack(keys))
  for i = 1, #keys do
    open(keys[i], terms(hold[HEAD + EACH * (i - 1) + 2]), raw[i])
  end
end

-- endHold settles all accounts of a hold that were opened.
local function endHold(hold, spent, answer)
  for i = HEAD + 1, #hold, EACH do
    local s = states[hold[i]]
    local t = s.terms
    local beforeH, beforeL = s.sh, s.sl
    local mh, ml = amount(hold[2], t.unit)
    local h, l = amount(spent, t.unit)
    settle(s, t, mh, ml, h, l, hold[1], hold[i + 2])
    if answer then told(answer, hold[i], hold[i + 1], s, beforeH, beforeL) end
  end
end

-- marks writes into a hold how rates were left.
local function marks(hold)
  for i = HEAD + 1, #hold, EACH do
    local s = states[hold[i]]
    hold[i + 2] = s.terms.kind == RATE and packed(s) or ''
  end
end
