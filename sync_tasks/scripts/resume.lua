-- Let a paused part of an account go on, and wake who waited for it, some at a time. ARGV: name of the part (see
-- `paused_parts`), how many to wake at most, account, the register of the newsletter it is about or ''.
-- Who unsubscribed from that newsletter meanwhile is looked at again: it counted as done while nobody could be on it.
-- Returns 1 where all are awake and the part goes on, 0 where others still wait.
local name, most, account, register = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local index, at = key('paused_users:' .. name), now()
local waiting = redis.call('ZRANGE', index, 0, most - 1)
for _, user in ipairs(waiting) do
  local contact = contact_key(user)
  redis.call('ZREM', index, user)
  if redis.call('EXISTS', contact) == 1 then
    -- A push under way does not know of it yet: it must not settle the contact.
    local rev = redis.call('HINCRBY', contact, 'rev', 1)
    local wish = register ~= '' and redis.call('HGET', contact, register)
    if wish and string.sub(wish, STAMP + 1) == 'u' then redis.call('HSET', contact, 'l:' .. account, rev) end
    mark_dirty(user, at)
  end
end
if #waiting == most then return 0 end
redis.call('HDEL', key('paused_parts'), name)
redis.call('DEL', key('probed:' .. name))
return 1
