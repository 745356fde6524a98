-- Record the remote state of an unleased contact, as a page showed it.
-- ARGV: user: id, rev: number, read_at: stamp, state: 'differs', 'clean' or '', kind: name or '', line: text or '',
--       {field: name, value: text}*
-- `read_at`: the moment of the request.
-- `state`: 'differs' from the wish, or 'clean' if every account agrees.
-- `kind`: the kind of its repair. `line`: a line of the history. An empty value removes the field.
-- A load's own contact (see `load.lua`) is no longer the load's own then.
-- Returns 1; or 0 if a worker handles the contact, or has done so since the request.
local user, rev, read_at, differs, kind, line = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == 'differs', ARGV[5], ARGV[6]
local contact, at = contact_key(user), now()
local held = redis.call('HMGET', contact, 'rev', 'lease', 'unsure', 'filling')
local own = is_loads_own(rev, held[4])
if held[1] ~= rev or held[2] then return 0 end
-- An unknown outcome of a contact that is not due does not stop a repair: the push reads first.
if held[3] and (own or redis.call('ZSCORE', key('due'), user)) then return 0 end
if not own and redis.call('ZSCORE', key('dirty'), user) then return 0 end
local last = redis.call('LINDEX', key('history:' .. user), 0)
if last and not greater(read_at, string.sub(last, 1, STAMP)) then return 0 end
for i = 7, #ARGV, 2 do
  local seen = string.match(ARGV[i], ':looked$') and redis.call('HGET', contact, ARGV[i])
  if seen and greater(seen, read_at) then return 0 end
end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', contact, ARGV[i]) else redis.call('HSET', contact, ARGV[i], ARGV[i + 1]) end
end
if line ~= '' then note_lines(user, {line}, at) end
if own and ARGV[4] == 'clean' then
  redis.call('HDEL', contact, 'filling')
  for _, field in ipairs(redis.call('HKEYS', contact)) do
    if string.sub(field, 1, 2) == 'p:' then redis.call('HDEL', contact, field) end
  end
  redis.call('ZREM', key('dirty'), user)
  redis.call('ZREM', key('due'), user)
end
if differs then
  redis.call('HDEL', contact, 'filling')
  mark_dirty(user, at)
  if kind ~= '' then
    redis.call('ZADD', key('pending:' .. kind), at, user)
    redis.call('EXPIRE', key('pending:' .. kind), 86400)
  end
end
return 1
