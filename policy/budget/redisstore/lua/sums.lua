-- Numbers here are doubles, which are exact up to 2^53 only. An int64 is two of
-- them, h and l: the upper 32 bits with their sign, the lower 32 without.
local floor = math.floor
local half = 4294967296 -- 2^32

local function bound(h, l)
  if h > 2147483647 then return 2147483647, half - 1 end
  if h < -2147483648 then return -2147483648, 0 end
  return h, l
end

-- add and sub stop at the bounds of int64.
local function add(ah, al, bh, bl)
  local h, l = ah + bh, al + bl
  if l >= half then h, l = h + 1, l - half end
  return bound(h, l)
end

local function sub(ah, al, bh, bl)
  local h, l = ah - bh, al - bl
  if l < 0 then h, l = h - 1, l + half end
  return bound(h, l)
end

local function less(ah, al, bh, bl)
  return ah < bh or ah == bh and al < bl
end

-- A wide number is not below 0 and has six limbs of 24 bits, the lowest first. A
-- product of limbs has 48 bits, so that sums of three are exact.
local limb = 16777216 -- 2^24

-- wide is of an int64 that is not below 0.
local function wide(h, l)
  return {l % limb, floor(l / limb) + h % 65536 * 256, floor(h / 65536), 0, 0, 0}
end

-- widened is of a whole number from 0 to 2^53.
local function widened(n)
  return {n % limb, floor(n / limb) % limb, floor(n / limb / limb), 0, 0, 0}
end

-- times is of two numbers below 2^72.
local function times(a, b)
  local a1, a2, a3, b1, b2, b3 = a[1], a[2], a[3], b[1], b[2], b[3]
  local p1 = a1 * b1
  local p2 = a1 * b2 + a2 * b1 + floor(p1 / limb)
  local p3 = a1 * b3 + a2 * b2 + a3 * b1 + floor(p2 / limb)
  local p4 = a2 * b3 + a3 * b2 + floor(p3 / limb)
  local p5 = a3 * b3 + floor(p4 / limb)
  return {p1 % limb, p2 % limb, p3 % limb, p4 % limb, p5 % limb, floor(p5 / limb)}
end

local function plus(a, b)
  local sum, carry = {}, 0
  for i = 1, 6 do
    carry = carry + a[i] + b[i]
    sum[i] = carry % limb
    carry = floor(carry / limb)
  end
  return sum
end

local function smaller(a, b)
  for i = 6, 1, -1 do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end

-- minus is 0 where b is more.
local function minus(a, b)
  if smaller(a, b) then return {0, 0, 0, 0, 0, 0} end
  local rest, borrow = {}, 0
  for i = 1, 6 do
    borrow = borrow + a[i] - b[i]
    rest[i] = borrow % limb
    borrow = floor(borrow / limb)
  end
  return rest
end
