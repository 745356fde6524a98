-- Mark a contact's outcome as unknown and make it due: Brevo may hold it otherwise than its last push found.
-- ARGV: user: id
-- Returns 1; or 0 if there is no such user (any more).
local contact, at = contact_key(ARGV[1]), now()
if redis.call('EXISTS', contact) == 0 then return 0 end
note_unknown(contact, at)
redis.call('ZREM', erased_key(), ARGV[1])
redis.call('HINCRBY', contact, 'rev', 1)
mark_dirty(ARGV[1], at)
return 1
