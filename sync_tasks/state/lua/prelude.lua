-- The common part of all scripts. KEYS[1] is the namespace with its colon; scripts build further keys from it. So the
-- state lives on one Redis (or Sentinel): a Redis Cluster demands every key as an argument (Redis docs, EVAL).
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

-- Return whether a text is greater by its bytes: Lua's own `<` follows the server's locale (Lua 5.1 manual, 2.5.2).
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Lua's stack holds a few thousand arguments of one call at most, so longer lists go in parts.
local PART = 1000
local function read_fields(hash, names)
  local held = {}
  for first = 1, #names, PART do
    local last = math.min(first + PART - 1, #names)
    for i, text in ipairs(redis.call('HMGET', hash, unpack(names, first, last))) do held[names[first + i - 1]] = text or nil end
  end
  return held
end
local function write_pairs(hash, texts, first)
  for start = first or 1, #texts, PART do
    redis.call('HSET', hash, unpack(texts, start, math.min(start + PART - 1, #texts)))
  end
end
local function drop_fields(hash, names)
  for start = 1, #names, PART do redis.call('HDEL', hash, unpack(names, start, math.min(start + PART - 1, #names))) end
end
local function write_fields(hash, fields)
  local texts = {}
  for field, text in pairs(fields) do
    table.insert(texts, field)
    table.insert(texts, text)
  end
  write_pairs(hash, texts)
end

-- Nothing has happened in the future. An event of a slightly fast clock happened now; a moment further ahead than this
-- is refused (`events.MAX_AHEAD`).
local MAX_AHEAD = 300000000
-- Clocks further apart than this differ: one of them is wrong, but which one is unknown.
local APART, A_DAY = 30000000, 86400000000
-- The number of moved moments remembered for each user, so that a repeated event gets the same stamp again.
local REMEMBERED = 8

-- Return the stamp of an opt-out: late rather than early. If the producer's clock is behind Redis', the event is
-- equally old by Redis' clock. If this state is ahead of Redis' clock, that clock was put back, and the order is
-- unknown.
local function opted_out(moment, at, host, latest)
  local behind = tonumber(at) - tonumber(host)
  if behind > APART then moment = later(moment, behind) end
  if greater(moment, at) then moment = at end
  if greater(latest, later(at, APART)) and greater(moment, later(at, -A_DAY)) then moment = later(latest, 1) end
  return moment
end

-- Return the stamp of an event that came with its moment, and the moments moved so far. Any event but an opt-out is
-- early rather than late. If the producer's clock is ahead of Redis', the event is equally old by Redis' clock. A
-- subscription older than a moved opt-out stays older.
local function stamp_reported(moment, at, host, latest, clamped, newsletter, wish)
  local stamp, ahead, count = moment, tonumber(host) - tonumber(at), 0
  if wish == 'u' then
    stamp = opted_out(moment, at, host, latest)
  else
    if ahead > APART then stamp = later(moment, -ahead) end
    if greater(stamp, at) then stamp = at end
  end
  for other, its, left in string.gmatch(clamped, '(%d+):(%d+):(%S*)') do
    if other == moment then return its, clamped end
    if wish == 's' and left == newsletter and greater(other, moment) and not greater(its, stamp) then stamp = later(its, -1) end
    count = count + 1
  end
  if stamp == moment then return stamp, clamped end
  if count >= REMEMBERED then clamped = string.match(clamped, ' (.*)$') end
  clamped = clamped .. (clamped == '' and '' or ' ') .. moment .. ':' .. stamp .. ':' .. (wish == 'u' and newsletter or '')
  return stamp, clamped
end

-- Only a script that hashes reads the secret, once. The first event or row brings a random text, which becomes it.
local secret
local function read_secret()
  if not secret then secret = redis.call('GET', key('secret')) end
  return secret
end
local function ensure_secret(random)
  if read_secret() then return end
  secret = random
  redis.call('SET', key('secret'), secret)
end
local function keyed_hash(text) return string.sub(redis.sha1hex(read_secret() .. text), 1, 24) end
-- Find a user's tombstone. `names`: '' without a secret outside Redis; else the hash by the key in Redis, then
-- 'fingerprint:hash' for each secret, set off by spaces.
-- Returns the name that a tombstone of this user has now, and the text of one; nothing if the process lacks the secret
-- in force, or knows another key.
local function find_tombstone(user, names)
  local by, plain = redis.call('GET', key('hashed_by')), keyed_hash(user)
  if names ~= '' and string.match(names, '^%x+') ~= plain then return end
  local place, text = not by and plain, redis.call('HGET', key('tombstones'), plain)
  for mark, hash in string.gmatch(names, '(%x+):(%S+)') do
    if mark == by then place = hash end
    text = text or redis.call('HGET', key('tombstones'), hash)
  end
  return place, text
end

-- Note since when an outcome is unknown. If Redis' clock was put back since the last note, that one is kept, too.
local function note_unknown(contact, at)
  local before = redis.call('HGET', contact, 'unsure')
  if before and greater(before, at) then redis.call('HSET', contact, 'stepped', before) end
  redis.call('HSET', contact, 'unsure', at)
end

local function mark_dirty(user, at)
  redis.call('ZADD', key('dirty'), 'NX', at, user)
  redis.call('ZADD', key('due'), 'LT', at, user)
end

-- Return the index of users with such a pending event, so that one request may serve many. A hint: it may lack users.
local function pending_key(event)
  local kind = string.match(event, '^(%l+_contact:.+):%d+$')
  return kind and key('pending:' .. kind)
end
-- `urgent` is the index of users with a pending opt-out or erasure: they go first. It is a hint, too.
local function is_urgent(event)
  return string.find(event, '^unsubscribe_contact:') or string.find(event, '^anonymize_contact:')
end
local function forget_urgent(user)
  if not redis.call('ZSCORE', key('urgent'), user) then return end
  for _, field in ipairs(redis.call('HKEYS', contact_key(user))) do
    if string.sub(field, 1, 2) == 'p:' and is_urgent(string.sub(field, 3)) then return end
  end
  redis.call('ZREM', key('urgent'), user)
end
-- What a user wishes of the newsletters with an event pending, in order: '+daily,-weekly'. Whoever wishes the same is in
-- one index, so that a request for several lists, too, finds whom it can serve. A text longer than this is in none.
local LONGEST_WISHES = 1000
local function wishes_key(wishes) return wishes ~= '' and #wishes <= LONGEST_WISHES and key('pending:' .. wishes) end
local function wish_of(event)
  local verb, newsletter = string.match(event, '^(%l+)_contact:(.+):%d+$')
  return newsletter, newsletter and (verb == 'unsubscribe' and '-' or '+') .. newsletter
end
local function set_wishes(user, old, wishes, at)
  if wishes == old then return end
  local index, former = wishes_key(wishes), wishes_key(old)
  if index then redis.call('ZADD', index, 'NX', former and redis.call('ZSCORE', former, user) or at, user) end
  if former then redis.call('ZREM', former, user) end
  if wishes == '' then
    redis.call('HDEL', contact_key(user), 'wishes')
  else
    redis.call('HSET', contact_key(user), 'wishes', wishes)
  end
end
-- Of two wishes about one newsletter the later counts here; too long a text stays as it is.
local function note_wish(event, user, at)
  local newsletter, wish = wish_of(event)
  if not newsletter then return end
  local old, all = redis.call('HGET', contact_key(user), 'wishes') or '', {wish}
  if #old > LONGEST_WISHES then return end
  for other in string.gmatch(old, '[^,]+') do
    if string.sub(other, 2) ~= newsletter then table.insert(all, other) end
  end
  table.sort(all)
  set_wishes(user, old, table.concat(all, ','), at)
end
-- Find anew what is pending, if some of it is not any more.
local function recount_wishes(user, at)
  local old = redis.call('HGET', contact_key(user), 'wishes')
  if not old then return end
  local moments, wishes, all = {}, {}, {}
  for _, field in ipairs(redis.call('HKEYS', contact_key(user))) do
    local newsletter, wish = wish_of(string.match(field, '^p:(.*)') or '')
    if newsletter and not (moments[newsletter] and greater(moments[newsletter], string.sub(field, -STAMP))) then
      moments[newsletter], wishes[newsletter] = string.sub(field, -STAMP), wish
    end
  end
  for _, wish in pairs(wishes) do table.insert(all, wish) end
  table.sort(all)
  set_wishes(user, old, table.concat(all, ','), at)
end

local function note_pending(event, user, at)
  if is_urgent(event) then redis.call('ZADD', key('urgent'), 'NX', at, user) end
  local index = pending_key(event)
  if not index then return end
  redis.call('ZADD', index, 'NX', at, user)
  note_wish(event, user, at)
end
-- Indices of contacts to read by their ids: a new address, a change at Brevo that a webhook reported, an erasure to be
-- looked at, any other request of unknown outcome. And of those to find on pages: the outcome of their creation is
-- unknown. Hints as well.
local A_DAY_LONG = 86400
local function moves_key() return key('pending:update_contact') end
local function looks_key(account) return key('pending:look:' .. account) end
local function unknown_key() return key('pending:unknown') end
local function unanswered_key() return key('pending:unanswered') end
local function erased_key() return key('pending:erased') end
-- Users whose first event is an update or an opt-out: the state knows no contact of theirs.
local function unmet_key(task) return key('pending:unmet:' .. task) end
local function note_read(index, user, at)
  redis.call('ZADD', index, 'NX', at, user)
  redis.call('EXPIRE', index, A_DAY_LONG)
end
local function forget_pending(event, user)
  if string.find(event, '^update_contact:') then redis.call('ZREM', moves_key(), user) end
  redis.call('ZREM', unmet_key(string.match(event, '^%l+_contact') or ''), user)
  local index = pending_key(event)
  if index then redis.call('ZREM', index, user) end
end

-- Add lines to a user's history: the last 30 are kept, for 30 days.
local function note_lines(user, lines, at)
  if #lines == 0 then return end
  local history = key('history:' .. user)
  for _, line in ipairs(lines) do redis.call('LPUSH', history, at .. ' ' .. line) end
  redis.call('LTRIM', history, 0, 29)
  redis.call('EXPIRE', history, 2592000)
end
-- Add a superseded event to the history, unless it is there already.
local function note_superseded(user, event, at)
  local what = event .. ' '
  for _, line in ipairs(redis.call('LRANGE', key('history:' .. user), 0, -1)) do
    if string.sub(line, STAMP + 2, STAMP + 1 + #what) == what then return end
  end
  note_lines(user, {what .. 'superseded'}, at)
end

-- A contact is a running load's own until the next event: `is_loads_own` of the codec.
local function is_loads_own(rev, filling) return rev and filling == rev end

-- Many small hashes: Redis packs each into one piece (`hash-max-listpack-entries`), half the memory of a large one.
local function owner_of(hash) return redis.call('HGET', key('addresses:' .. string.sub(hash, 1, 4)), string.sub(hash, 5)) end
local function set_owner(hash, user)
  local addresses, rest = key('addresses:' .. string.sub(hash, 1, 4)), string.sub(hash, 5)
  if user then redis.call('HSET', addresses, rest, user) else redis.call('HDEL', addresses, rest) end
end

-- The first user who wants an address has it; others wait and get it one by one. Release 0.1 kept the waiting users as one
-- text, which is read until the address is given up.
local function claim_address(address, user)
  local hash = keyed_hash(address)
  local owner = owner_of(hash)
  if owner == user then return true end
  if not owner then
    set_owner(hash, user)
    return true
  end
  redis.call('ZADD', key('waiting:' .. hash), 'NX', now(), user)
  return false
end

-- A vacated address: a user gave it up lately, and Brevo may not know of it yet.
local TWO_DAYS, LEFT_KEPT = 172800, 8
local function is_vacated(address) return redis.call('EXISTS', key('vacated:' .. keyed_hash(address))) == 1 end

local function read_old_waiting(hash)
  local texts, order = redis.call('HGET', key('waiting'), hash), 0
  if not texts then return end
  for user in string.gmatch(texts, '%S+') do
    order = order + 1
    redis.call('ZADD', key('waiting:' .. hash), order, user)
  end
  redis.call('HDEL', key('waiting'), hash)
end

local function wants(user, address)
  local held = redis.call('HMGET', contact_key(user), 'address', 'g:address', 'erased')
  local text = held[1] or ''
  return not held[3] and string.sub(text, STAMP + 1) == address and greater(string.sub(text, 1, STAMP), held[2] or '')
end

-- Give an address up, or stop waiting for it; return the users to nudge. Only the next user is checked: a user who
-- wants it no more has stopped waiting, except those of an older release.
local function release_address(address, user, at)
  local hash = keyed_hash(address)
  local waiting = key('waiting:' .. hash)
  if owner_of(hash) ~= user then
    read_old_waiting(hash)
    redis.call('ZREM', waiting, user)
    return {}
  end
  set_owner(hash)
  -- The mark says who: another user's contact may be there still, but not if the user alone gave it up.
  local who = keyed_hash(user)
  local before = redis.call('GET', key('vacated:' .. hash)) or who
  redis.call('SET', key('vacated:' .. hash), before == who and who or 'several', 'EX', TWO_DAYS)
  -- For the erasure: the mark is a hash that whoever has all of Redis can guess.
  local left = redis.call('HGET', contact_key(user), 'vacated') or ''
  redis.call('HSET', contact_key(user), 'vacated', string.sub(left .. ' ' .. hash, -LEFT_KEPT * (#hash + 1)))
  read_old_waiting(hash)
  local other = redis.call('ZRANGE', waiting, 0, 0)[1]
  while other do
    redis.call('ZREM', waiting, other)
    if other ~= user and wants(other, address) then
      set_owner(hash, other)
      -- A running push does not know of it yet, so it must not settle the contact.
      redis.call('HINCRBY', contact_key(other), 'rev', 1)
      mark_dirty(other, at)
      return {other}
    end
    other = redis.call('ZRANGE', waiting, 0, 0)[1]
  end
  return {}
end
