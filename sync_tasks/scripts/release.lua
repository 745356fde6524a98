-- Give a lease back as if it had never been taken; whoever looks for company next, asks others first.
-- ARGV: user, token, the kind of event for which it was taken.
local contact = contact_key(ARGV[1])
local held = redis.call('HGET', contact, 'lease')
if held and string.sub(held, STAMP + 1) == ARGV[2] then redis.call('HDEL', contact, 'lease') end
redis.call('ZADD', key('pending:' .. ARGV[3]), 'XX', now(), ARGV[1])
return 1
