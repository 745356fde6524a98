-- What all scripts share. KEYS[1] is the namespace with its colon; scripts reach further keys from it, so the state
-- lives on one Redis (or Sentinel), not on a Redis Cluster.
local ns = KEYS[1]
local function key(name) return ns .. name end
local function contact_key(user) return ns .. 'contacts:' .. user end

local STAMP = 16
local function now()
  local time = redis.call('TIME')
  return string.format('%010d%06d', time[1], time[2])
end
-- Microseconds fit a double until the year 2255.
local function later(stamp, microseconds) return string.format('%016.0f', tonumber(stamp) + microseconds) end

-- Bytes, not the server's locale, decide which text is greater.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

local secret = redis.call('GET', key('secret'))
local function keyed_hash(text) return string.sub(redis.sha1hex(secret .. text), 1, 24) end
local function entombed(user) return redis.call('HEXISTS', key('tombstones'), keyed_hash(user)) == 1 end

local function mark_dirty(user, at)
  redis.call('ZADD', key('dirty'), 'NX', at, user)
  redis.call('ZADD', key('due'), 'LT', at, user)
end

-- Who has an event of one kind pending, so that one request may serve many: a hint, which may lack somebody.
local function pending_key(event)
  local kind = string.match(event, '^(%l+_contact:.+):%d+$')
  return kind and key('pending:' .. kind)
end
local function note_pending(event, user, at)
  local index = pending_key(event)
  if index then redis.call('ZADD', index, 'NX', at, user) end
end
local function forget_pending(event, user)
  local index = pending_key(event)
  if index then redis.call('ZREM', index, user) end
end

-- Many small hashes, each of which Redis keeps in one piece: half the memory of a large one.
local function owner_of(hash) return redis.call('HGET', key('addresses:' .. string.sub(hash, 1, 4)), string.sub(hash, 5)) end
local function set_owner(hash, user)
  local addresses, rest = key('addresses:' .. string.sub(hash, 1, 4)), string.sub(hash, 5)
  if user then redis.call('HSET', addresses, rest, user) else redis.call('HDEL', addresses, rest) end
end

-- Who wants an address first, has it; others wait and are woken when it is given up.
local function claim_address(address, user)
  local hash = keyed_hash(address)
  local owner = owner_of(hash)
  if owner == user then return true end
  if not owner then
    set_owner(hash, user)
    return true
  end
  local waiting = redis.call('HGET', key('waiting'), hash) or ''
  if not string.find(' ' .. waiting .. ' ', ' ' .. user .. ' ', 1, true) then
    redis.call('HSET', key('waiting'), hash, waiting == '' and user or waiting .. ' ' .. user)
  end
  return false
end

-- An address that somebody gave up lately: Brevo may not know of it yet.
local TWO_DAYS = 172800
local function is_vacated(address) return redis.call('EXISTS', key('vacated:' .. keyed_hash(address))) == 1 end

local function release_address(address, user, at)
  local hash, woken = keyed_hash(address), {}
  if owner_of(hash) ~= user then return woken end
  set_owner(hash)
  redis.call('SET', key('vacated:' .. hash), '1', 'EX', TWO_DAYS)
  local waiting = redis.call('HGET', key('waiting'), hash)
  if not waiting then return woken end
  redis.call('HDEL', key('waiting'), hash)
  for other in string.gmatch(waiting, '%S+') do
    local wanted = redis.call('HGET', contact_key(other), 'address')
    local given_up = redis.call('HGET', contact_key(other), 'g:address') or ''
    local erased = redis.call('HEXISTS', contact_key(other), 'erased') == 1
    local wants = wanted and string.sub(wanted, STAMP + 1) == address and greater(string.sub(wanted, 1, STAMP), given_up)
    if other ~= user and not erased and wants then
      if claim_address(address, other) then
        -- A push under way knows nothing of it yet: it must not settle the contact.
        redis.call('HINCRBY', contact_key(other), 'rev', 1)
        mark_dirty(other, at)
        table.insert(woken, other)
      end
    end
  end
  return woken
end
