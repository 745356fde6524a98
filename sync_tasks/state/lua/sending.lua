-- Note that an import of a first load's contact is about to go out: any push meanwhile must read first.
-- ARGV: user: id, left_alone: microseconds
-- After `left_alone` workers handle the contact.
-- Returns its former fields, field and value alternately; none if it is leased or no longer the load's own.
local contact, at = contact_key(ARGV[1]), now()
local held = redis.call('HMGET', contact, 'rev', 'filling', 'lease')
if not is_loads_own(held[1], held[2]) or held[3] then return {} end
local fields = redis.call('HGETALL', contact)
note_unknown(contact, at)
redis.call('ZADD', key('due'), later(at, tonumber(ARGV[2])), ARGV[1])
return fields
