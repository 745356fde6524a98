-- Merge an event into its user's state and mark the contact dirty: contacts.merge(), atomically.
-- ARGV: user, stamp or '' (then Redis' clock, later than all this state holds), a random text for a first start,
-- task, newsletter, then field and value by turns.
-- Returns what became of it ('accepted', 'superseded', 'erased'), the stamp, and users to nudge besides.
local user, stamp, task, newsletter = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
redis.call('SET', key('secret'), ARGV[3], 'NX')
local contact, at = contact_key(user), now()
local latest = redis.call('HGET', contact, 'latest') or ''
if stamp == '' then
  stamp = at
  if not greater(stamp, latest) then stamp = later(latest, 1) end
end
local values = {}
for i = 6, #ARGV, 2 do values[ARGV[i]] = ARGV[i + 1] end

if entombed(user) then return {'erased', stamp} end
local was_erased = redis.call('HEXISTS', contact, 'erased') == 1
if was_erased and not values['erased'] then return {'erased', stamp} end

local changed, woken = false, {}
local function put(field, text)
  local old = redis.call('HGET', contact, field)
  local wins = not old or greater(text, old)
  if wins then redis.call('HSET', contact, field, text) end
  return wins, old
end
local function give_up_address(text)
  for _, other in ipairs(release_address(string.sub(text, STAMP + 1), user, at)) do table.insert(woken, other) end
end

for field, value in pairs(values) do
  local text = stamp .. value
  local wins, old = put(field, text)
  if wins and field ~= 'hint' then changed = true end
  if field == 'address' then
    if old and string.sub(old, STAMP + 1) ~= value then
      put('hint', wins and old or text)
      if wins then give_up_address(old) end
    end
    if wins then claim_address(value, user) end
  end
end
if values['erased'] and not was_erased then
  for _, field in ipairs(redis.call('HKEYS', contact)) do
    if string.find(field, '^[ang]:') then redis.call('HDEL', contact, field) end
  end
  local address = redis.call('HGET', contact, 'address')
  if address then give_up_address(address) end
end

if greater(stamp, latest) then redis.call('HSET', contact, 'latest', stamp) end
if not changed then return {'superseded', stamp} end
local rev = redis.call('HINCRBY', contact, 'rev', 1)
redis.call('HSET', contact, 'p:' .. task .. ':' .. newsletter .. ':' .. stamp, rev .. ':' .. at, 'v', '1')
mark_dirty(user, at)
local answer = {'accepted', stamp}
for _, other in ipairs(woken) do table.insert(answer, other) end
return answer
