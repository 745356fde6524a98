-- Merge an event into its user's state and mark the contact dirty: contacts.merge(), atomically.
-- ARGV: user, stamp or '' (then Redis' clock, later than all this state holds), a random text for a first start,
-- task, newsletter, then field and value by turns.
-- Returns what became of it ('accepted', 'superseded', 'erased'), the stamp, and users to nudge besides.
local user, stamp, task, newsletter = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local contact, at = contact_key(user), now()
if not secret then
  secret = ARGV[3]
  redis.call('SET', key('secret'), secret)
end

-- One read of everything the event may touch, one write of what it changes.
local names, values = {'latest', 'rev', 'erased', 'address'}, {}
for i = 6, #ARGV, 2 do
  values[ARGV[i]] = ARGV[i + 1]
  table.insert(names, ARGV[i])
end
local held, written = {}, {}
for i, text in ipairs(redis.call('HMGET', contact, unpack(names))) do held[names[i]] = text or nil end
local function put(field, text)
  local old = held[field]
  local wins = not old or greater(text, old)
  if wins then held[field], written[field] = text, text end
  return wins, old
end

local latest = held.latest or ''
if stamp == '' then
  stamp = at
  if not greater(stamp, latest) then stamp = later(latest, 1) end
end
local was_erased = held.erased ~= nil

-- Of what was said before the erasure and comes late, nothing counts but where else the person may be found at Brevo.
local function look_there_too(erased)
  local found = false
  for field, value in pairs(values) do
    local place = field == 'address' and 'h:' .. value or field
    local known = held.address and place == 'h:' .. string.sub(held.address, STAMP + 1)
    if string.sub(place, 1, 2) == 'h:' and not known and redis.call('HEXISTS', contact, place) == 0 then
      redis.call('HSET', contact, place, '1')
      found = true
    end
  end
  if found then
    redis.call('HSET', contact, 'erased', erased, 'rev', tostring(tonumber(held.rev or '0') + 1), 'v', '1')
    mark_dirty(user, at)
  end
end
local tombstone = redis.call('HGET', key('tombstones'), keyed_hash(user))
if tombstone or (was_erased and not values.erased) then
  local erased = held.erased or string.sub(tombstone, 1, STAMP)
  if not greater(stamp, erased) then look_there_too(erased) end
  return {'erased', stamp}
end

local changed, woken, hinted = false, {}, false
local function hint(address)
  local field = 'h:' .. address
  if held[field] == nil then held[field] = redis.call('HGET', contact, field) end
  if held[field] ~= '1' then held[field], written[field], hinted = '1', '1', true end
end
local function give_up_address(text)
  for _, other in ipairs(release_address(string.sub(text, STAMP + 1), user, at)) do table.insert(woken, other) end
end
for field, value in pairs(values) do
  if string.sub(field, 1, 2) == 'h:' then
    hint(string.sub(field, 3))
  else
    local text = stamp .. value
    local wins, old = put(field, text)
    changed = changed or wins
    if field == 'address' then
      local moved = old and string.sub(old, STAMP + 1) ~= value
      if moved then hint(string.sub(wins and old or text, STAMP + 1)) end
      if moved and wins then give_up_address(old) end
      if wins then claim_address(value, user) end
    end
  end
end
if held.address and (hinted or values.address) then
  local own = 'h:' .. string.sub(held.address, STAMP + 1)
  written[own] = nil
  redis.call('HDEL', contact, own)
  hinted = false
  for field in pairs(written) do hinted = hinted or string.sub(field, 1, 2) == 'h:' end
end
changed = changed or hinted
if values.erased and not was_erased then
  for _, field in ipairs(redis.call('HKEYS', contact)) do
    if string.find(field, '^[ang]:') then redis.call('HDEL', contact, field) end
  end
  if held.address then give_up_address(held.address) end
end

if greater(stamp, latest) then written.latest = stamp end
if changed then
  written.rev = tostring(tonumber(held.rev or '0') + 1)
  written.v = '1'
  local event = task .. ':' .. newsletter .. ':' .. stamp
  written['p:' .. event] = written.rev .. ':' .. at
  note_pending(event, user, at)
  mark_dirty(user, at)
end
local pairs_written = {}
for field, text in pairs(written) do
  table.insert(pairs_written, field)
  table.insert(pairs_written, text)
end
if #pairs_written > 0 then redis.call('HSET', contact, unpack(pairs_written)) end
return {changed and 'accepted' or 'superseded', stamp, unpack(woken)}
