-- Mark a user as managed by hand, or no longer.
-- ARGV: user: id, manual: '1' or '', who: name
-- Returns 1; or 0 if the user is unknown.
local user, on, who = ARGV[1], ARGV[2] == '1', ARGV[3]
local contact, at = contact_key(user), now()
if redis.call('EXISTS', contact) == 0 then return 0 end
if on then redis.call('HSET', contact, 'manual', '1') else redis.call('HDEL', contact, 'manual') end
local what = on and 'managed by hand' or 'no longer managed by hand'
note_lines(user, {'operator::' .. at .. ' ' .. what .. ', by ' .. who}, at)
return 1
