-- Forget the remote state of a user on an account: the name stands for another account from now on.
-- ARGV: user: id, account: name
-- The moment of an opt-out there stays. The next push looks for the user before anything else.
-- Returns 1; or 0 if the contact is leased: call again.
local user, account = ARGV[1], ARGV[2]
local contact, at = contact_key(user), now()
local held = redis.call('HGET', contact, 'lease')
if held and greater(string.sub(held, 1, STAMP), at) then return 0 end
local prefix, ended_up_to, forgotten = 's:' .. account .. ':', '', {}
local fields = redis.call('HGETALL', contact)
for i = 1, #fields, 2 do
  local name, text = fields[i], fields[i + 1]
  if string.sub(name, 1, #prefix) == prefix then
    local what = string.sub(name, #prefix + 1)
    local moment = what == 'floor' and text or what == 'block' and string.match(text, ':(%d+)$') or ''
    if greater(moment, ended_up_to) then ended_up_to = moment end
    table.insert(forgotten, name)
  end
end
if #forgotten == 0 then return 1 end
for _, name in ipairs(forgotten) do redis.call('HDEL', contact, name) end
if ended_up_to ~= '' then redis.call('HSET', contact, prefix .. 'floor', ended_up_to) end
redis.call('HSET', contact, 'l:' .. account, redis.call('HINCRBY', contact, 'rev', 1))
redis.call('HDEL', key('suppressed'), account .. ' ' .. user)
redis.call('ZREM', key('untold'), account .. ' ' .. user)
mark_dirty(user, at)
return 1
