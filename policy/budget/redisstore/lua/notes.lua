local now = clock()

-- KEYS of every script: what a topic is, its notes by name, the names by version,
-- and by when they are forgotten.
local TOPIC, NOTES, ORDER, UNTIL = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

-- Notes that were kept long enough are forgotten, up to 1000 at once.
local over = redis.call('ZRANGEBYSCORE', UNTIL, '-inf', now, 'LIMIT', 0, 1000)
for i = 1, #over do
  redis.call('HDEL', NOTES, over[i])
  redis.call('ZREM', ORDER, over[i])
  redis.call('ZREM', UNTIL, over[i])
end

-- version is that of the last note. It is a time, so that what is posted after the
-- last notes were lost is newer than what readers saw of them.
local version = tonumber(redis.call('HGET', TOPIC, 'version') or 0)
