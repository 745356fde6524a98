-- Give a lease back as if it had never been taken; the next batch of this kind takes others first.
-- ARGV: user: id, token: text, kind: name, or '' for none
-- Returns 1; or 0 if the lease was lost.
local contact = contact_key(ARGV[1])
local held = redis.call('HGET', contact, 'lease')
if not held or string.sub(held, STAMP + 1) ~= ARGV[2] then return 0 end
redis.call('HDEL', contact, 'lease')
if ARGV[3] ~= '' then redis.call('ZADD', key('pending:' .. ARGV[3]), now(), ARGV[1]) end
return 1
