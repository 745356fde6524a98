-- Closed dead letters are kept in a bounded list, with the person and the moment.
local MOST_CLOSED = 10000
local function close_letter(id, why, who, at)
  local text = redis.call('HGET', key('dead_letters'), id)
  if not text then return end
  local letter = cjson.decode(text)
  redis.call('HDEL', key('dead_letters'), id)
  redis.call('HINCRBY', key('letter_counts'), 'closed ' .. why, 1)
  if letter.stamp == '' then redis.call('ZREM', key('unaccepted'), letter.user_id .. ' ' .. id) end
  letter.closed = {why = why, by = who, at = at}
  redis.call('LPUSH', key('closed_letters'), cjson.encode(letter))
  redis.call('LTRIM', key('closed_letters'), 0, MOST_CLOSED - 1)
end
-- Leave no letter of a user: no open one, none of an event that reached no state, no closed one.
local function forget_letters(user)
  for _, field in ipairs(redis.call('HKEYS', contact_key(user))) do
    if string.sub(field, 1, 2) == 'd:' then
      redis.call('HDEL', key('dead_letters'), redis.call('HGET', contact_key(user), field))
    end
  end
  -- No id holds white space, so these are all that begin with the id and a space.
  for _, place in ipairs(redis.call('ZRANGEBYLEX', key('unaccepted'), '[' .. user .. ' ', '(' .. user .. '!')) do
    redis.call('HDEL', key('dead_letters'), string.sub(place, #user + 2))
    redis.call('ZREM', key('unaccepted'), place)
  end
  local named = cjson.encode(user)
  for _, text in ipairs(redis.call('LRANGE', key('closed_letters'), 0, -1)) do
    if string.find(text, named, 1, true) and cjson.decode(text).user_id == user then
      redis.call('LREM', key('closed_letters'), 0, text)
    end
  end
end
