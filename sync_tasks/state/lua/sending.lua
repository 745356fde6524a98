-- Note that a contact of a first load is about to be imported: whoever pushes it meanwhile must look first.
-- ARGV: user: id, left_alone: microseconds
-- After `left_alone` workers look.
-- Returns its fields as they were, field and value by turns; none if it is no longer the load's own, or is leased.
local contact, at = contact_key(ARGV[1]), now()
local held = redis.call('HMGET', contact, 'rev', 'filling', 'lease')
if not is_loads_own(held[1], held[2]) or held[3] then return {} end
local fields = redis.call('HGETALL', contact)
redis.call('HSET', contact, 'unsure', at)
redis.call('ZADD', key('due'), later(at, tonumber(ARGV[2])), ARGV[1])
return fields
