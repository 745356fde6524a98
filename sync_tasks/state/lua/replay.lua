-- Make a dead letter's event pending again.
-- ARGV: user: id, event: key, letter: id, who: name
-- Returns 1; or 0 if the letter is gone.
-- The letter stays until the event has its new outcome.
local user, event, id, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local contact, at = contact_key(user), now()
local text = redis.call('HGET', key('dead_letters'), id)
if not text or redis.call('HEXISTS', contact, 'd:' .. event) == 0 then return 0 end
local letter = cjson.decode(text)
letter.replayed = {by = who, at = at}
redis.call('HSET', key('dead_letters'), id, cjson.encode(letter))
redis.call('HSET', contact, 'p:' .. event, redis.call('HINCRBY', contact, 'rev', 1) .. ':' .. at)
redis.call('HDEL', contact, 'crashes', 'tries', 'failing')
note_pending(event, user, at)
mark_dirty(user, at)
return 1
