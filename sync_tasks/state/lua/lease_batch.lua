-- Lease contacts that have an event of one kind pending and no trouble, the longest waiting first. Of the kind `unknown`
-- they are contacts whose creation has an unknown outcome, due or not. Of the kind `erased` they were anonymized, and
-- are to be looked at. Of the kind `unanswered` another request has an unknown outcome. Of a kind `unmet:task` the state
-- knows no contact, and maybe no more than an address to look for.
-- ARGV: kind: task:newsletter, most: number, token: text, lease: microseconds, known_sweeps: number
-- Returns the moment up to which subscriptions wait, and for each contact the user, then field and value alternately.
local index, most, token, lease = key('pending:' .. ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local at, taken = now(), {}
local held_moment = held_until(tonumber(ARGV[5]), at)
local unknown, erased, unanswered = ARGV[1] == 'unknown', ARGV[1] == 'erased', ARGV[1] == 'unanswered'
local function is_plain(contact)
  local trouble = redis.call('HMGET', contact, 'lease', 'crashes', 'erased', 'unsure', 'failing')
  if erased then return not (trouble[1] or trouble[2] or trouble[5]) end
  for i = 1, (unknown or unanswered) and 3 or 5 do
    if trouble[i] then return false end
  end
  return true
end
-- The index is a hint: who is there must be what it says.
local function belongs(contact)
  if not (unknown or erased or unanswered) then return true end
  return redis.call('HEXISTS', contact, 'unsure') == 1 and (not erased or redis.call('HEXISTS', contact, 'erased') == 1)
end
local function has_its_address(user, contact)
  local address = redis.call('HGET', contact, 'address')
  -- Of whom only hints are known, nothing is created or moved.
  if not address then return true end
  local text = string.sub(address, STAMP + 1)
  return not is_vacated(text) and claim_address(text, user)
end
for _, user in ipairs(redis.call('ZRANGE', index, 0, 2 * most)) do
  if #taken == most then break end
  local contact = contact_key(user)
  local due = redis.call('ZSCORE', key('due'), user)
  if not due or not belongs(contact) then
    redis.call('ZREM', index, user)
  elseif (not unknown and tonumber(due) > tonumber(at)) or not is_plain(contact) or not (erased or has_its_address(user, contact)) then
    redis.call('ZADD', index, at, user)
  else
    redis.call('ZREM', index, user)
    redis.call('HSET', contact, 'lease', later(at, lease) .. token)
    local fields = redis.call('HGETALL', contact)
    table.insert(fields, 1, user)
    table.insert(taken, fields)
  end
end
table.insert(taken, 1, held_moment)
return taken
