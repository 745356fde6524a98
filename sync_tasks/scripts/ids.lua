-- Return which contacts an account is known to hold, a part of them at a time. ARGV: cursor, about how many keys to look
-- at, account.
-- Returns the next cursor ('0' at the end), numeric ids set off by commas, and their users set off by spaces.
local found = redis.call('SCAN', ARGV[1], 'MATCH', key('contacts:*'), 'COUNT', ARGV[2])
local field, start = 's:' .. ARGV[3] .. ':id', #key('contacts:') + 1
local ids, users = {}, {}
for _, contact in ipairs(found[2]) do
  local id = redis.call('HGET', contact, field)
  if id and id ~= '-' then
    table.insert(ids, id)
    table.insert(users, string.sub(contact, start))
  end
end
return {found[1], table.concat(ids, ','), table.concat(users, ' ')}
