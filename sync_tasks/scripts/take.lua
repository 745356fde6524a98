-- Lease a contact and return its fields. ARGV: user, token, seconds of the lease in microseconds.
-- Returns 'busy'; 'idle' where there is nothing to do (any more); or 'taken', whether another living user has the
-- address, then field and value by turns.
-- A lease that ran out was not given back: its holder died or hangs, and what Brevo holds is unknown.
local user, token, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local contact, at = contact_key(user), now()
if redis.call('EXISTS', contact) == 0 then
  redis.call('ZREM', key('dirty'), user)
  redis.call('ZREM', key('due'), user)
  return {'idle'}
end
local held = redis.call('HGET', contact, 'lease')
if held and greater(string.sub(held, 1, STAMP), at) then return {'busy'} end
if not redis.call('ZSCORE', key('dirty'), user) then
  local due = redis.call('ZSCORE', key('due'), user)
  if not due or tonumber(due) > tonumber(at) then return {'idle'} end
end
local crashes = tonumber(redis.call('HGET', contact, 'crashes') or 0) + (held and 1 or 0)
-- Whoever was in the same process when it died is under suspicion too. After two deaths suspects come one by one, so
-- that the third death tells who it was.
if crashes >= 2 and not redis.call('SET', key('suspect'), token, 'NX', 'PX', math.ceil(lease / 1000)) then
  return {'busy'}
end
if held then redis.call('HSET', contact, 'unsure', at, 'crashes', crashes) end
redis.call('HSET', contact, 'lease', later(at, lease) .. token)
local taken = '0'
local address = redis.call('HGET', contact, 'address')
local given_up = redis.call('HGET', contact, 'g:address') or ''
if address and redis.call('HEXISTS', contact, 'erased') == 0 and greater(string.sub(address, 1, STAMP), given_up) then
  if not claim_address(string.sub(address, STAMP + 1), user) then taken = '1' end
end
local answer = redis.call('HGETALL', contact)
table.insert(answer, 1, 'taken')
table.insert(answer, 2, taken)
return answer
