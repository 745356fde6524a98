-- Give a lease back and record the result of the push.
-- ARGV: user: id, token: text, result: JSON
-- The document:
--   rev         the revision that the push knew; newer events leave the contact dirty, due at once
--   fields      field to value; an empty value removes the field
--   read_at     field to the value that the push has dealt with; the field goes unless its value is another by now
--   suppressed  account, or account and list, to reason and moment of a suppression that is news; empty if it ended
--   waits       name of a paused part (see `paused_parts`) to whether the contact waits for it
--   together    'erased' or 'unanswered': the contact may be looked at with others of that index; or ''
--   clean       whether Brevo agrees, or what does not agree is a dead letter
--   due         microseconds until the next try, or ''
--   erased      the moment of the erasure once it is complete, or ''
--   names       see `find_tombstone`, for an erasure
--   record      what the erasure came to, as JSON text
--   erased_ids  account to the ids of the contacts that were anonymized there
--   letters     event to {id, letter as JSON text}
--   closed      event to why its letter is closed
--   history     lines of the history
--   notices     lines for the portal
-- Returns 'settled', 'again' (newer events came meanwhile) or 'lost' (the lease was lost, so nothing is recorded).

-- Leave nothing with the id of a user whose erasure is complete. No key shows which contacts were the user's.
-- A contact of an erased user that is found later, or a further look, takes nothing away from what was done before.
local function join_records(old, record)
  if not old then return record end
  local before, now_known = cjson.decode(old), cjson.decode(record)
  now_known.requested_by = now_known.requested_by or before.requested_by
  for account, came_to in pairs(before.accounts or {}) do
    local is_nothing = (now_known.accounts[account] or 'no contact found') == 'no contact found'
    if is_nothing then now_known.accounts[account] = came_to end
  end
  return cjson.encode(now_known)
end
local function bury(user, name, stamp, ids, record, names)
  -- Up to release 0.1 the tombstone named the contacts.
  for account, id in string.gmatch(redis.call('HGET', key('tombstones'), name) or '', '([^ ,=]+)=(%d+)') do
    redis.call('SADD', key('erased:' .. account), id)
  end
  for account, numbers in pairs(ids) do
    for _, id in ipairs(numbers) do redis.call('SADD', key('erased:' .. account), id) end
  end
  redis.call('HSET', key('tombstones'), name, stamp)
  local records = key('erasure_records')
  redis.call('HSET', records, name, join_records(redis.call('HGET', records, name), record))
  for _, index in ipairs({'erasures', 'dirty', 'due', 'urgent', 'pending:erased'}) do redis.call('ZREM', key(index), user) end
  for _, field in ipairs(redis.call('HKEYS', contact_key(user))) do
    if string.sub(field, 1, 2) == 'p:' then forget_pending(string.sub(field, 3), user) end
  end
  set_wishes(user, redis.call('HGET', contact_key(user), 'wishes') or '', '', stamp)
  for _, part in ipairs(redis.call('HKEYS', key('paused_parts'))) do redis.call('ZREM', key('paused_users:' .. part), user) end
  -- A load counts by places, so the user's own place stays, empty.
  local place = redis.call('LPOS', key('filling'), user)
  if place then redis.call('LSET', key('filling'), place, '') end
  forget_letters(user)
  -- Without a secret outside Redis the marks of given up addresses stay for their two days: by them a comparison knows
  -- the contact of an erased person who is back. A secret put in force later takes them off: it finds them by `erased`.
  for hash in string.gmatch(redis.call('HGET', contact_key(user), 'vacated') or '', '%x+') do
    local mark = key('vacated:' .. hash)
    if names ~= '' then redis.call('DEL', mark) else redis.call('SET', mark, 'erased', 'XX', 'KEEPTTL') end
  end
  redis.call('DEL', key('history:' .. user), contact_key(user))
  -- The files of Redis hold the user until they are written anew.
  redis.call('HSETNX', key('rewrite_owed'), 'since', now())
  redis.call('HINCRBY', key('rewrite_owed'), 'count', 1)
end

local user, token, result = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local contact, at = contact_key(user), now()
if redis.call('GET', key('suspect')) == token then redis.call('DEL', key('suspect')) end
local held = redis.call('HGET', contact, 'lease')
if not held or string.sub(held, STAMP + 1) ~= token then
  if redis.call('EXISTS', contact) == 1 then
    note_unknown(contact, at)
    redis.call('ZREM', erased_key(), user)
    mark_dirty(user, at)
  end
  return 'lost'
end
local place = result.erased ~= '' and find_tombstone(user, result.names)
if result.erased ~= '' and not place then return 'lost' end
local gone, kept = {'lease'}, {}
for field, value in pairs(result.fields) do
  if string.sub(field, 1, 2) == 'p:' then forget_pending(string.sub(field, 3), user) end
  if value == '' then table.insert(gone, field) else kept[field] = value end
end
drop_fields(contact, gone)
write_fields(contact, kept)
for field, value in pairs(result.read_at) do
  if redis.call('HGET', contact, field) == value then
    redis.call('HDEL', contact, field)
    if string.sub(field, 1, 2) == 'l:' then redis.call('ZREM', looks_key(string.sub(field, 3)), user) end
  end
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
local created = (result.fields.unsure or '') ~= '' and redis.call('HEXISTS', contact, 'wishes') == 1
local found_in = {[unknown_key()] = created and result.together == ''}
for _, kind in ipairs({'erased', 'unanswered'}) do found_in[key('pending:' .. kind)] = result.together == kind end
for index, belongs in pairs(found_in) do
  if belongs then note_read(index, user, at) else redis.call('ZREM', index, user) end
end
-- Who has just missed the end of a pause is never nudged: as if newer events had come, it is due at once.
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
  bury(user, place, result.erased, result.erased_ids, result.record, result.names)
elseif redis.call('HEXISTS', contact, 'erased') == 1 then
  redis.call('ZADD', key('erasures'), 'NX', at, user)
end
return 'settled'
