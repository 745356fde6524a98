-- Return the contacts that an account is known to hold, a part of them at a time.
-- ARGV: cursor: number, about: number, account: name, counting: '1' or '', {newsletter: slug}*
-- `about`: the number of keys to read. `counting`: count wishes and accounts, too. The newsletters are the account's.
-- Returns five values:
--   1. the next cursor, '0' at the end
--   2. numeric ids with commas between
--   3. their users with spaces between
--   4. users with a living subscription of these newsletters and no contact there, without a load's own, spaces between
--   5. counts, name and number alternately: 'n:<slug>' wishes, 'a:<slug>' living ones, 's:<account>' users with a contact,
--      'l:<account>:<list>' users on that list, 'i:<length>' users whose id is so long in a token (see `link_tokens`)
local found = redis.call('SCAN', ARGV[1], 'MATCH', key('contacts:*'), 'COUNT', ARGV[2])
local field, start, counting = 's:' .. ARGV[3] .. ':id', #key('contacts:') + 1, ARGV[4] == '1'
local ids, users, lacking, counts = {}, {}, {}, {}
local names = {'filling'}
for i = 5, #ARGV do
  table.insert(names, 'n:' .. ARGV[i])
  table.insert(names, 't:' .. ARGV[i])
end

local function is_living(text) return string.sub(text, STAMP + 1) == 's' end
local function lacks_contact(contact)
  local held = read_fields(contact, names)
  if held.filling then return false end
  for i = 2, #names do
    local text = held[names[i]]
    if text and is_living(text) then return true end
  end
  return false
end
local function count(name) counts[name] = (counts[name] or 0) + 1 end
local function count_seen(name, text)
  local what = string.sub(name, -3)
  if what == ':id' then
    if text ~= '-' then count(string.sub(name, 1, -4)) end
  elseif what == 'sts' then
    local account = string.match(name, '^s:([^:]+):lists$')
    for list in string.gmatch(account and text or '', '%d+') do count('l:' .. account .. ':' .. list) end
  end
end
-- Shorter ids fit into every token: they are not counted.
local SHORT_ID = 20
local function count_id(user)
  local length = #user
  if not string.match(user, '^[A-Za-z0-9_-]+$') then length = 1 + math.ceil(length * 4 / 3) end
  if length > SHORT_ID then count('i:' .. length) end
end
local COLON, N, S, T = string.byte(':nst', 1, 4)
local function count_fields(contact)
  local held, wishes = redis.call('HGETALL', contact), {}
  for i = 1, #held, 2 do
    local kind, colon = string.byte(held[i], 1, 2)
    if colon == COLON then
      if kind == S then
        count_seen(held[i], held[i + 1])
      elseif kind == N or kind == T then
        local slug, text = string.sub(held[i], 3), held[i + 1]
        local other = wishes[slug]
        if not other or greater(text, other) then wishes[slug] = text end
      end
    end
  end
  for slug, text in pairs(wishes) do
    count('n:' .. slug)
    if is_living(text) then count('a:' .. slug) end
  end
end

for _, contact in ipairs(found[2]) do
  local id = redis.call('HGET', contact, field)
  if id and id ~= '-' then
    table.insert(ids, id)
    table.insert(users, string.sub(contact, start))
  elseif #names > 1 and lacks_contact(contact) then
    table.insert(lacking, string.sub(contact, start))
  end
  if counting then
    count_fields(contact)
    count_id(string.sub(contact, start))
  end
end
local counted = {}
for name, number in pairs(counts) do
  table.insert(counted, name)
  table.insert(counted, tostring(number))
end
return {found[1], table.concat(ids, ','), table.concat(users, ' '), table.concat(lacking, ' '), counted}
