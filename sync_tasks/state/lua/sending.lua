-- Note that a contact of a first load is about to be imported: whoever pushes it meanwhile must look first.
-- ARGV: user, microseconds until workers shall look. Returns its fields as they were, by turns with their values; none
-- where the contact is no longer the load's own, or is in somebody's hands.
local contact, at = contact_key(ARGV[1]), now()
local held = redis.call('HMGET', contact, 'rev', 'filling', 'lease')
if not held[1] or held[1] ~= held[2] or held[3] then return {} end
local fields = redis.call('HGETALL', contact)
redis.call('HSET', contact, 'unsure', at)
redis.call('ZADD', key('due'), later(at, tonumber(ARGV[2])), ARGV[1])
return fields
