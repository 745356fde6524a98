-- Mark a user as managed by hand, or no longer.
-- ARGV: user: id, manual: '1' or '', who: name
-- Returns 1; or 0 if nothing is known of the user.
local user, on, who = ARGV[1], ARGV[2] == '1', ARGV[3]
local contact, at, history = contact_key(user), now(), key('history:' .. user)
if redis.call('EXISTS', contact) == 0 then return 0 end
if on then redis.call('HSET', contact, 'manual', '1') else redis.call('HDEL', contact, 'manual') end
local what = on and 'managed by hand' or 'no longer managed by hand'
redis.call('LPUSH', history, at .. ' operator::' .. at .. ' ' .. what .. ', by ' .. who)
redis.call('LTRIM', history, 0, 29)
redis.call('EXPIRE', history, 2592000)
return 1
