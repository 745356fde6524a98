-- Return which contacts an account is known to hold, a part of them at a time. ARGV: cursor, about how many keys to look
-- at, account, '1' to count wishes and accounts too or '', then the slugs of the account's newsletters.
-- Returns the next cursor ('0' at the end), numeric ids set off by commas, their users set off by spaces, users with a
-- living subscription of one of the newsletters and no contact there (but for those a load brought), set off by spaces,
-- and what was counted: name and number by turns. Names: 'n:<slug>' wishes, 'a:<slug>' living ones of them,
-- 's:<account>' users it has a contact of, 'l:<account>:<list>' users known on that list.
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
  local held = redis.call('HMGET', contact, unpack(names))
  if held[1] then return false end
  for i = 2, #names do
    if held[i] and is_living(held[i]) then return true end
  end
  return false
end
local function count(name) counts[name] = (counts[name] or 0) + 1 end
local function count_seen(name, text)
  local account, what = string.match(name, '^s:([^:]+):(.+)$')
  if what == 'id' and text ~= '-' then count('s:' .. account) end
  if what == 'lists' then
    for list in string.gmatch(text, '%d+') do count('l:' .. account .. ':' .. list) end
  end
end
local function count_fields(contact)
  local held, wishes = redis.call('HGETALL', contact), {}
  for i = 1, #held, 2 do
    local kind, slug = string.sub(held[i], 1, 2), string.sub(held[i], 3)
    if kind == 'n:' or kind == 't:' then
      if not wishes[slug] or greater(held[i + 1], wishes[slug]) then wishes[slug] = held[i + 1] end
    elseif kind == 's:' then
      count_seen(held[i], held[i + 1])
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
  if counting then count_fields(contact) end
end
local counted = {}
for name, number in pairs(counts) do
  table.insert(counted, name)
  table.insert(counted, tostring(number))
end
return {found[1], table.concat(ids, ','), table.concat(users, ' '), table.concat(lacking, ' '), counted}
