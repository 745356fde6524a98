-- Give a lease back and record the result of the push.
-- ARGV: user: id, token: text, result: JSON
-- The document:
--   rev         the revision that the push knew; newer events leave the contact dirty, due at once
--   fields      field to value; an empty value removes the field
--   looked      field to the value that the push has dealt with; the field goes unless its value is another by now
--   suppressed  account, or account and list, to reason and moment of a suppression that is news; empty if it ended
--   waits       name of a paused part (see `paused_parts`) to whether the contact waits for it
--   clean       whether Brevo agrees, or what does not agree is a dead letter
--   due         microseconds until the next try, or ''
--   erased      the tombstone's text once an erasure is complete, or ''
--   letters     event to {id, letter as JSON text}
--   closed      event to why its letter is closed
--   history     lines of the history
--   notices     lines for the portal
-- Returns 'settled', 'again' (newer events came meanwhile) or 'lost' (the lease was lost, so nothing is recorded).

-- After a late event an erased user is looked for again; the tombstone's ids at Brevo stay.
local function bury(user, told)
  local old = redis.call('HGET', key('tombstones'), keyed_hash(user)) or ''
  local ids = string.sub(told, STAMP + 2)
  for id in string.gmatch(string.sub(old, STAMP + 2), '[^,]+') do
    if not string.find(',' .. ids .. ',', ',' .. id .. ',', 1, true) then ids = ids == '' and id or ids .. ',' .. id end
  end
  told = string.sub(told, 1, STAMP) .. ' ' .. ids
  redis.call('HSET', key('tombstones'), keyed_hash(user), told)
  redis.call('ZREM', key('erasures'), user)
end

local user, token, result = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local contact, at = contact_key(user), now()
if redis.call('GET', key('suspect')) == token then redis.call('DEL', key('suspect')) end
local held = redis.call('HGET', contact, 'lease')
if not held or string.sub(held, STAMP + 1) ~= token then
  if redis.call('EXISTS', contact) == 1 then
    redis.call('HSET', contact, 'unsure', at)
    mark_dirty(user, at)
  end
  return 'lost'
end
redis.call('HDEL', contact, 'lease')
for field, value in pairs(result.fields) do
  if string.sub(field, 1, 2) == 'p:' then forget_pending(string.sub(field, 3), user) end
  if value == '' then redis.call('HDEL', contact, field) else redis.call('HSET', contact, field, value) end
end
for field, value in pairs(result.looked) do
  if redis.call('HGET', contact, field) == value then redis.call('HDEL', contact, field) end
end
for _, notice in ipairs(result.notices) do redis.call('ZADD', key('notices'), at, notice) end
for account, why in pairs(result.suppressed) do
  local name = account .. ' ' .. user
  if why == '' then
    redis.call('HDEL', key('suppressed'), name)
    redis.call('ZREM', key('untold'), name)
  else
    redis.call('HSET', key('suppressed'), name, why)
    redis.call('ZADD', key('untold'), at, name)
  end
end
for event, letter in pairs(result.letters) do
  redis.call('HDEL', contact, 'p:' .. event)
  forget_pending(event, user)
  redis.call('HSET', contact, 'd:' .. event, letter[1])
  if redis.call('HSET', key('dead_letters'), letter[1], letter[2]) == 1 then
    redis.call('HINCRBY', key('letter_counts'), 'opened ' .. (cjson.decode(letter[2]).error or '?'), 1)
  end
end
for event, why in pairs(result.closed) do
  local id = redis.call('HGET', contact, 'd:' .. event)
  if id then close_letter(id, why, '', at) end
  redis.call('HDEL', contact, 'd:' .. event)
end
forget_urgent(user)
recount_wishes(user, at)
-- Who has just missed the end of a pause waits in vain: as if newer events had come, it is due at once.
for name, waits in pairs(result.waits) do
  if not waits then
    redis.call('ZREM', key('paused_users:' .. name), user)
  elseif redis.call('HEXISTS', key('paused_parts'), name) == 1 then
    redis.call('ZADD', key('paused_users:' .. name), at, user)
  else
    redis.call('HINCRBY', contact, 'rev', 1)
  end
end
note_lines(user, result.history, at)
if redis.call('HGET', contact, 'rev') ~= result.rev then
  mark_dirty(user, at)
  return 'again'
end
if result.clean then redis.call('ZREM', key('dirty'), user) end
redis.call('ZREM', key('due'), user)
if result.due ~= '' then redis.call('ZADD', key('due'), later(at, tonumber(result.due)), user) end
if result.erased ~= '' then
  bury(user, result.erased)
  redis.call('DEL', contact)
elseif redis.call('HEXISTS', contact, 'erased') == 1 then
  redis.call('ZADD', key('erasures'), 'NX', at, user)
end
return 'settled'
