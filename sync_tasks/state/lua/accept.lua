-- Merge an event into its user's state and mark the contact dirty: merge.merge(), atomically.
-- ARGV: user: id, moment: stamp or '', host: stamp, random: text, task: name, newsletter: slug or '',
--       names: see `find_tombstone`, {field: name, value: text}*
-- `moment`: the event's own moment. Without one the event gets Redis' clock, later than all that this state holds.
-- `host`: the producer's clock. `random` becomes the secret at a first start.
-- Returns the result ('accepted', 'superseded', 'erased', 'ahead' and 'secret': refused), the stamp, and further users to nudge.
-- All is read and weighed before the first write, so that no error can leave half an event behind.
local user, moment, host, task, newsletter = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[6]
local contact, at, is_reported = contact_key(user), now(), ARGV[2] ~= ''
if greater(moment, later(at, MAX_AHEAD)) then return {'ahead', moment} end
ensure_secret(ARGV[4])
local tomb, tombstone = find_tombstone(user, ARGV[7])
if not tomb then return {'secret', ''} end

local names, values = {'latest', 'rev', 'erased', 'address', 'clamped'}, {}
for i = 8, #ARGV, 2 do
  local field = ARGV[i]
  if is_reported and string.sub(field, 1, 2) == 'n:' then field = 't:' .. string.sub(field, 3) end
  values[field] = ARGV[i + 1]
  table.insert(names, field)
end
if is_reported then table.insert(names, 'n:' .. newsletter) end
local held, written = read_fields(contact, names), {}
local function put(field, text)
  local old = held[field]
  local wins = not old or greater(text, old)
  if wins then held[field], written[field] = text, text end
  return wins, old
end

local latest, rev = held.latest or '', tostring(tonumber(held.rev or '0') + 1)
local stamp, clamped = at, held.clamped or ''
if is_reported then
  stamp, clamped = stamp_reported(moment, at, host, latest, clamped, newsletter, values['t:' .. newsletter] or '')
elseif not greater(stamp, latest) then
  stamp = later(latest, 1)
end
local was_erased = held.erased ~= nil

-- A proof of consent that another one replaces, or that an unsubscription ends, is kept as evidence.
-- Of one proof the first end that was known stays: an event that comes again adds none.
local evidence = {}
local function end_consent(slug, proof, ended)
  if string.sub(proof, STAMP + 1) == '~' then return end
  for _, line in ipairs(redis.call('ZRANGEBYLEX', key('evidence'), '[' .. tomb .. ' ', '(' .. tomb .. '!')) do
    if string.match(line, '^%S+ %d+ (.*)$') == slug .. ' ' .. proof then return end
  end
  table.insert(evidence, tomb .. ' ' .. ended .. ' ' .. slug .. ' ' .. proof)
end
local function write_evidence()
  for _, line in ipairs(evidence) do redis.call('ZADD', key('evidence'), 0, line) end
end
-- An event from before the erasure may come late. Of it the address counts, for the person may be there at Brevo too,
-- and the proof of consent, which the erasure ended.
local function look_there_too(erased)
  local found = false
  for field, value in pairs(values) do
    if string.sub(field, 1, 2) == 'c:' then end_consent(string.sub(field, 3), stamp .. value, erased) end
    local place = field == 'address' and 'h:' .. value or field
    local known = held.address and place == 'h:' .. string.sub(held.address, STAMP + 1)
    if string.sub(place, 1, 2) == 'h:' and not known and redis.call('HEXISTS', contact, place) == 0 then
      redis.call('HSET', contact, place, '1')
      found = true
    end
  end
  if found then
    redis.call('HSET', contact, 'erased', erased, 'rev', rev, 'v', '1')
    mark_dirty(user, at)
  end
  write_evidence()
end
if tombstone or (was_erased and not values.erased) then
  local erased = held.erased or string.sub(tombstone, 1, STAMP)
  if values.erased or not greater(stamp, erased) then look_there_too(erased) end
  return {'erased', stamp}
end

local changed, lost, hinted, given_up, claimed = false, false, false, nil, nil
local function hint(address)
  local field = 'h:' .. address
  if held[field] == nil then held[field] = redis.call('HGET', contact, field) end
  if held[field] ~= '1' then held[field], written[field], hinted = '1', '1', true end
end
local function put_consent(field, text)
  local wins, old = put(field, text)
  if not old or string.sub(old, STAMP + 1) == string.sub(text, STAMP + 1) then return end
  end_consent(string.sub(field, 3), wins and old or text, string.sub(held[field], 1, STAMP))
end
-- A later stamp of Redis' clock stands, whatever the tolerance, in three cases. It says the same, unless the same clock
-- had reported the opposite, `old`, which may have counted. Or it ends the subscription. Or it is later by more than
-- clocks may be apart.
local function is_certain(field, value, old)
  local other = string.sub(field, 1, 2) == 't:' and held['n:' .. newsletter]
  if not other or not greater(string.sub(other, 1, STAMP), stamp) then return false end
  local wish = string.sub(other, STAMP + 1)
  local opposed = old and string.sub(old, STAMP + 1) ~= value
  return (wish == value and not opposed) or wish == 'u' or greater(other, later(stamp, MAX_AHEAD))
end
for field, value in pairs(values) do
  if string.sub(field, 1, 2) == 'h:' then
    hint(string.sub(field, 3))
  elseif string.sub(field, 1, 2) == 'c:' then
    put_consent(field, stamp .. value)
  else
    local text = stamp .. value
    local wins, old = put(field, text)
    local overtaken = is_certain(field, value, old)
    changed, lost = changed or (wins and not overtaken), lost or overtaken or (not wins and old ~= text)
    if field == 'address' then
      local moved = old and string.sub(old, STAMP + 1) ~= value
      if moved then hint(string.sub(wins and old or text, STAMP + 1)) end
      if moved and wins then given_up = old end
      if wins then claimed = value end
    end
  end
end
local own
if held.address and (hinted or values.address) then
  own = 'h:' .. string.sub(held.address, STAMP + 1)
  written[own] = nil
  hinted = false
  for field in pairs(written) do hinted = hinted or string.sub(field, 1, 2) == 'h:' end
end
changed = changed or hinted
local erases = values.erased and not was_erased
if erases then given_up = held.address end
if greater(stamp, latest) then written.latest = stamp end
if clamped ~= (held.clamped or '') then written.clamped = clamped end

local event, to_nudge = task .. ':' .. newsletter .. ':' .. stamp, {}
if changed then
  written.rev, written.v = rev, '1'
  written['p:' .. event] = rev .. ':' .. at
end
write_fields(contact, written)
if own then redis.call('HDEL', contact, own) end
if erases then
  redis.call('ZADD', key('erasures'), at, user)
  for _, field in ipairs(redis.call('HKEYS', contact)) do
    if string.sub(field, 1, 2) == 'c:' then end_consent(string.sub(field, 3), redis.call('HGET', contact, field), stamp) end
    if string.find(field, '^[acngt]:') then redis.call('HDEL', contact, field) end
  end
end
write_evidence()
if changed then
  note_pending(event, user, at)
  if (values.erased or '') ~= '' then
    local deed = {at = at, who = values.erased, what = 'anonymize', user = tomb, about = ''}
    redis.call('ZADD', key('audit'), at, cjson.encode(deed))
  end
  if given_up and not erases then note_read(moves_key(), user, at) end
  if latest == '' and (task == 'update_contact' or task == 'unsubscribe_contact') then
    note_read(unmet_key(task), user, at)
  end
  mark_dirty(user, at)
elseif lost and redis.call('HEXISTS', contact, 'p:' .. event) + redis.call('HEXISTS', contact, 'd:' .. event) == 0 then
  note_superseded(user, event, at)
end
if given_up then to_nudge = release_address(string.sub(given_up, STAMP + 1), user, at) end
if claimed then claim_address(claimed, user) end
return {changed and 'accepted' or 'superseded', stamp, unpack(to_nudge)}
