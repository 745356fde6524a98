-- Dead letters that are dealt with are kept for a while, with who and when, in a bounded list.
local function close_letter(id, why, who, at)
  local text = redis.call('HGET', key('dead_letters'), id)
  if not text then return end
  local letter = cjson.decode(text)
  redis.call('HDEL', key('dead_letters'), id)
  if letter.stamp == '' then redis.call('ZREM', key('unaccepted'), letter.user_id .. ' ' .. id) end
  letter.closed = {why = why, by = who, at = at}
  redis.call('LPUSH', key('closed_letters'), cjson.encode(letter))
  redis.call('LTRIM', key('closed_letters'), 0, 9999)
end
