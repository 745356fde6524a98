-- Closed dead letters are kept in a bounded list, with the person and the moment.
local function close_letter(id, why, who, at)
  local text = redis.call('HGET', key('dead_letters'), id)
  if not text then return end
  local letter = cjson.decode(text)
  redis.call('HDEL', key('dead_letters'), id)
  redis.call('HINCRBY', key('letter_counts'), 'closed ' .. why, 1)
  if letter.stamp == '' then redis.call('ZREM', key('unaccepted'), letter.user_id .. ' ' .. id) end
  letter.closed = {why = why, by = who, at = at}
  redis.call('LPUSH', key('closed_letters'), cjson.encode(letter))
  redis.call('LTRIM', key('closed_letters'), 0, 9999)
end
