-- ARGV: an epoch, should one begin, the epoch and version of the mark, how many
-- notes are answered, and after how many bytes of them no other.
local epoch = redis.call('HGET', TOPIC, 'epoch')
local seen = tonumber(ARGV[3])
if not epoch or ARGV[2] == epoch and seen > version then -- what was seen is lost
  epoch = ARGV[1]
  redis.call('HSET', TOPIC, 'epoch', epoch)
end
if ARGV[2] ~= epoch then seen = 0 end
local answer, bytes = {now, epoch, 0}, 0
local found = redis.call('ZRANGEBYSCORE', ORDER, string.format('(%.0f', seen), '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for i = 1, #found, 2 do
  if bytes >= tonumber(ARGV[5]) then break end
  local note = redis.call('HGET', NOTES, found[i])
  if note then
    answer[#answer + 1], answer[#answer + 2] = found[i], note
    bytes = bytes + #note
  end
  seen = tonumber(found[i + 1])
end
answer[3] = seen
return answer
