-- Note that contacts changed at Brevo: their next push reads first.
-- ARGV: account: name, host: stamp,
--       {user: id or '', address: hash or '', kind: name or '', moment: stamp or '', lists: ids, report: text or ''}*
-- `host`: this machine's clock. Then come six texts for each sighting. `kind` and `moment` are those of an opt-out.
-- `lists` are those that an opt-out named, else those it joined (an echo if we know it on them). `report` is the same
-- if the same comes again.
-- Returns for each sighting the result ('noticed', 'duplicate', 'echo', 'unknown') and the user, alternately.
local account, host, at, remembered = ARGV[1], ARGV[2], now(), 8

local function is_known(contact, joined)
  if joined == '' then return false end
  local lists = ',' .. (redis.call('HGET', contact, 's:' .. account .. ':lists') or '') .. ','
  for list in string.gmatch(joined, '%d+') do
    if not string.find(lists, ',' .. list .. ',', 1, true) then return false end
  end
  return true
end

local function is_repeated(contact, mark)
  local heard = redis.call('HGET', contact, 'heard') or ''
  if string.find(heard, mark, 1, true) then return true end
  redis.call('HSET', contact, 'heard', string.sub(heard .. ' ' .. mark, -remembered * (#mark + 1)))
  return false
end

-- An opt-out without a moment, or of a future one, happened now. That is late rather than early: older subscriptions
-- stay ended.
local function note_opt_out(contact, kind, moment)
  local field = 'b:' .. account .. ':' .. kind
  local known = redis.call('HGET', contact, field) or ''
  if moment == '' then moment = at end
  moment = opted_out(moment, at, host, redis.call('HGET', contact, 'latest') or '')
  if greater(moment, known) then redis.call('HSET', contact, field, moment) end
end

local function notice(user, kind, moment, lists, mark)
  local contact = contact_key(user)
  if redis.call('EXISTS', contact) == 0 then return 'unknown' end
  if kind == '' and is_known(contact, lists) then return 'echo' end
  if mark ~= '' and is_repeated(contact, mark) then return 'duplicate' end
  if kind ~= '' then
    note_opt_out(contact, kind, moment)
    for list in string.gmatch(lists, '%d+') do note_opt_out(contact, 'list.' .. list, moment) end
  end
  redis.call('HSET', contact, 'l:' .. account, redis.call('HINCRBY', contact, 'rev', 1))
  mark_dirty(user, at)
  -- Whoever opted out is read alone: only that shows why.
  if kind == '' then note_read(looks_key(account), user, at) end
  return 'noticed'
end

local answer = {}
for i = 3, #ARGV, 6 do
  local user = ARGV[i]
  if user == '' then user = owner_of(ARGV[i + 1]) or '' end
  table.insert(answer, notice(user, ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]))
  table.insert(answer, user)
end
return answer
