-- End the pause of a part of an account and wake its waiting users, some at a time.
-- ARGV: name: see `paused_parts`, most: number, account: name or ''
-- `most`: the number of users to wake. `account`: given if the part is a list.
-- Users with a contact there are read again: an opt-out counted as done while the list did not exist.
-- Returns 1 if all are awake and the pause has ended, 0 if others still wait.
local name, most, account = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local index, at = key('paused_users:' .. name), now()
local waiting = redis.call('ZRANGE', index, 0, most - 1)
for _, user in ipairs(waiting) do
  local contact = contact_key(user)
  redis.call('ZREM', index, user)
  if redis.call('EXISTS', contact) == 1 then
    -- A running push does not know of it yet, so it must not settle the contact.
    local rev = redis.call('HINCRBY', contact, 'rev', 1)
    local id = account ~= '' and redis.call('HGET', contact, 's:' .. account .. ':id')
    if id and id ~= '-' then redis.call('HSET', contact, 'l:' .. account, rev) end
    mark_dirty(user, at)
  end
end
if #waiting == most then return 0 end
redis.call('HDEL', key('paused_parts'), name)
redis.call('DEL', key('probed:' .. name))
return 1
