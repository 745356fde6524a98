-- Return the fields, field and value by turns, of each user who is known and not dirty; nothing of the others.
-- ARGV: users.
local answer = {}
for i, user in ipairs(ARGV) do
  answer[i] = redis.call('ZSCORE', key('dirty'), user) and {} or redis.call('HGETALL', contact_key(user))
end
return answer
