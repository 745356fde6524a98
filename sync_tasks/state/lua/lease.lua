-- Lease a contact and return its fields.
-- ARGV: user: id, token: text, lease: microseconds, known_sweeps: number, {question: see `grants.lua`}*
-- `known_sweeps`: how many sweeps this process has seen. The question is there if a first request may be granted along.
-- Returns 'busy': another worker holds it; 'idle': there is nothing to do (any more); or 'taken' and then:
--   whether another living user has the address
--   how many need the same, by their events or looks (0: it goes alone)
--   whether the first request may go out
--   which parts of accounts are paused, set off by commas
--   up to which moment subscriptions wait
--   how many sweeps there were
--   field and value alternately

-- An expired lease was not given back. Its holder died or hangs, so the outcome is unknown.
local user, token, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local contact, at = contact_key(user), now()
if redis.call('EXISTS', contact) == 0 then
  redis.call('ZREM', key('dirty'), user)
  redis.call('ZREM', key('due'), user)
  return {'idle'}
end
local A_MINUTE, milliseconds = 60000000, math.ceil(lease / 1000)
local fields = read_fields(contact, {'lease', 'crashes', 'address', 'g:address', 'erased'})
local held, address = fields.lease, fields.address
-- A lease that ends much later than a new one would is from before Redis' clock was put back.
if held and greater(string.sub(held, 1, STAMP), later(at, 2 * lease + A_MINUTE)) then
  held = later(at, lease) .. string.sub(held, STAMP + 1)
  redis.call('HSET', contact, 'lease', held)
end
if held and greater(string.sub(held, 1, STAMP), at) then return {'busy'} end
if not redis.call('ZSCORE', key('dirty'), user) then
  local due = redis.call('ZSCORE', key('due'), user)
  if not due or tonumber(due) > tonumber(at) then return {'idle'} end
end
local crashes = tonumber(fields.crashes or 0) + (held and 1 or 0)
-- Other contacts in the dead process are suspects too. After two deaths the suspects come one by one, so that a third
-- death names the culprit.
if crashes >= 2 and not redis.call('SET', key('suspect'), token, 'NX', 'PX', milliseconds) then
  left_of(key('suspect'), 2 * milliseconds + A_MINUTE / 1000)
  return {'busy'}
end
if held then
  note_unknown(contact, at)
  redis.call('HSET', contact, 'crashes', crashes)
  redis.call('ZREM', erased_key(), user)
end
redis.call('HSET', contact, 'lease', later(at, lease) .. token)
local taken = '0'
if address and not fields.erased and greater(string.sub(address, 1, STAMP), fields['g:address'] or '') then
  if not claim_address(string.sub(address, STAMP + 1), user) then taken = '1' end
end
local parts = table.concat(redis.call('HKEYS', key('paused_parts')), ',')
local held_moment, sweeps = held_until(tonumber(ARGV[4]), at)
local granted = #ARGV > 4 and parts == '' and grant({unpack(ARGV, 5)}, true)[1] or ''
local answer, count = {'taken', taken, '1', granted, parts, held_moment, string.format('%.0f', sweeps)}, 1
local function count_in(index) count = math.max(count, redis.call('ZCARD', index)) end
for _, index in ipairs({moves_key(), unknown_key(), unanswered_key(), unmet_key('update_contact'), unmet_key('unsubscribe_contact')}) do
  if redis.call('ZSCORE', index, user) then count_in(index) end
end
for i, text in ipairs(redis.call('HGETALL', contact)) do
  answer[i + 7] = text
  if i % 2 == 1 and string.sub(text, 1, 2) == 'l:' then count_in(looks_key(string.sub(text, 3))) end
  if i % 2 == 0 and answer[i + 6] == 'wishes' and wishes_key(text) then
    count_in(wishes_key(text))
  end
end
-- An import would put the present contact of that address on the lists.
answer[3] = address and is_vacated(string.sub(address, STAMP + 1)) and '0' or tostring(count)
-- An erasure is looked at with others, unless more than its own outcome is unknown; before that it waits with all that is urgent.
if fields.erased then
  local index = redis.call('HEXISTS', contact, 'unsure') == 1 and erased_key() or key('urgent')
  answer[3] = tostring(redis.call('ZSCORE', index, user) and redis.call('ZCARD', index) or 0)
end
return answer
