-- Read users who are known and not dirty.
-- ARGV: {user: id}*
-- Returns the fields of each, field and value alternately; an empty list for the others.
local answer = {}
for i, user in ipairs(ARGV) do
  answer[i] = redis.call('ZSCORE', key('dirty'), user) and {} or redis.call('HGETALL', contact_key(user))
end
return answer
