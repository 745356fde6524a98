-- Close a dead letter without another try.
-- ARGV: user: id, event: key or '', letter: id, why: text, who: name, {register: name}*
-- The wish of these registers ends until a newer event arrives.
-- Returns 1; or 0 if the letter is gone.
local user, event, id, why, who = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('HEXISTS', key('dead_letters'), id) == 0 then return 0 end
local contact, at = contact_key(user), now()
for i = 6, #ARGV do
  local text = redis.call('HGET', contact, ARGV[i])
  if text then
    redis.call('HSET', contact, 'g:' .. ARGV[i], string.sub(text, 1, STAMP))
    if ARGV[i] == 'address' then release_address(string.sub(text, STAMP + 1), user, at) end
  end
end
redis.call('HDEL', contact, 'd:' .. event, 'p:' .. event)
forget_urgent(user)
recount_wishes(user, at)
close_letter(id, why, who, at)
return 1
