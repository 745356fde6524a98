-- Record the remote state of a contact of a first load.
-- ARGV: user: id, rev: number, clean: '1' or '', {field: name, value: text}*
-- `clean`: every account agrees.
-- Returns 2 if every account agrees, else 1; 0 if the contact is no longer the load's own or is leased.
local user, rev, clean = ARGV[1], ARGV[2], ARGV[3]
local contact = contact_key(user)
local held = redis.call('HMGET', contact, 'rev', 'filling', 'lease')
if held[1] ~= rev or not is_loads_own(rev, held[2]) or held[3] then return 0 end
write_pairs(contact, ARGV, 4)
if clean == '1' then
  redis.call('HDEL', contact, 'filling', 'unsure', 'stepped')
  for _, field in ipairs(redis.call('HKEYS', contact)) do
    if string.sub(field, 1, 2) == 'p:' then redis.call('HDEL', contact, field) end
  end
  redis.call('ZREM', key('dirty'), user)
  redis.call('ZREM', key('due'), user)
  return 2
end
return 1
