-- Forget a contact that is a load's own (see `load.lua`), as if it had never been loaded.
-- ARGV: user: id
-- Returns nothing.
local user = ARGV[1]
local contact = contact_key(user)
local held = redis.call('HMGET', contact, 'rev', 'filling', 'lease', 'address')
if not is_loads_own(held[1], held[2]) or held[3] then return end
local hash = held[4] and keyed_hash(string.sub(held[4], STAMP + 1))
if hash and owner_of(hash) == user then set_owner(hash) end
redis.call('DEL', contact)
redis.call('ZREM', key('dirty'), user)
redis.call('ZREM', key('due'), user)
