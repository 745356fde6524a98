-- Merge a row of a first load into the state.
-- ARGV: user: id, moment: stamp, random: text, left_alone: microseconds, names: see `find_tombstone`,
--       {register: name, value: text}*
-- `random` becomes the secret at a first start. After `left_alone` workers handle the contact if the load does not.
-- Returns 'unchanged' if the row says nothing new; 'loaded' if the contact is the load's own; 'ahead' or 'secret' if refused.
-- 'known': the contact is not the load's own, or the user was deleted. Then nothing was done, and ordinary events must
-- say it. A contact is the load's own as long as `filling` is its rev.
local user, stamp = ARGV[1], ARGV[2]
local contact, at = contact_key(user), now()
ensure_secret(ARGV[3])
if greater(stamp, later(at, MAX_AHEAD)) then return 'ahead' end
local place, tombstone = find_tombstone(user, ARGV[5])
if not place then return 'secret' end
if tombstone then return 'known' end

local names = {'rev', 'filling', 'latest', 'erased', 'clamped'}
for i = 6, #ARGV, 2 do table.insert(names, ARGV[i]) end
local held, written, address = read_fields(contact, names), {}, nil
if held.erased then return 'known' end
local clamped
stamp, clamped = stamp_reported(stamp, at, at, '', held.clamped or '', '', '')
for i = 6, #ARGV, 2 do
  local text = stamp .. ARGV[i + 1]
  if ARGV[i] == 'address' then address = ARGV[i + 1] end
  if not held[ARGV[i]] or greater(text, held[ARGV[i]]) then
    table.insert(written, ARGV[i])
    table.insert(written, text)
  end
end
if #written == 0 then return 'unchanged' end
if not held.rev and redis.call('EXISTS', contact) == 1 then return 'known' end
if held.rev and (not is_loads_own(held.rev, held.filling) or not redis.call('ZSCORE', key('due'), user)) then return 'known' end
if held.address and string.sub(held.address, STAMP + 1) ~= address then return 'known' end
local rev = tostring(tonumber(held.rev or '0') + 1)
-- Another user has the address, or had it lately: an import might put that contact on the lists.
if is_vacated(address) or not claim_address(address, user) then return 'known' end

redis.call('HSET', contact, 'rev', rev, 'filling', rev, 'v', '1')
write_pairs(contact, written)
if greater(stamp, held.latest or '') then redis.call('HSET', contact, 'latest', stamp) end
if clamped ~= (held.clamped or '') then redis.call('HSET', contact, 'clamped', clamped) end
if not held.rev then
  redis.call('HSET', contact, 'p:update_contact::' .. stamp, rev .. ':' .. at)
  redis.call('RPUSH', key('filling'), user)
  redis.call('EXPIRE', key('filling'), 604800)
  redis.call('ZADD', key('dirty'), 'NX', at, user)
  redis.call('ZADD', key('due'), 'LT', later(at, tonumber(ARGV[4])), user)
end
return 'loaded'
