-- Leave a contact of a first load to the workers, at once.
-- ARGV: user: id, rev: number, unknown: '1' or '', {event: key}*
-- `unknown`: Brevo may still come to hold it. The events say what is wished.
-- Returns 1; or 0 if the contact is no longer the load's own.
local user, rev, unknown = ARGV[1], ARGV[2], ARGV[3]
local contact, at = contact_key(user), now()
local held = redis.call('HMGET', contact, 'rev', 'filling')
if held[1] ~= rev or not is_loads_own(rev, held[2]) then return 0 end
redis.call('HDEL', contact, 'filling')
if unknown == '' then redis.call('HDEL', contact, 'unsure', 'stepped') end
for i = 4, #ARGV do
  redis.call('HSET', contact, 'p:' .. ARGV[i], rev .. ':' .. at)
  note_pending(ARGV[i], user, at)
end
mark_dirty(user, at)
return 1
