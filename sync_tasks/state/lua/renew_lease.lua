-- Lengthen a lease and record the facts learnt so far.
-- ARGV: user: id, token: text, lease: microseconds, {field: name, value: text}*
-- An empty value removes the field.
-- Returns 1; or 0 if the lease was lost.
local contact, at = contact_key(ARGV[1]), now()
local held = redis.call('HGET', contact, 'lease')
if not held or string.sub(held, STAMP + 1) ~= ARGV[2] then return 0 end
redis.call('HSET', contact, 'lease', later(at, tonumber(ARGV[3])) .. ARGV[2])
if redis.call('GET', key('suspect')) == ARGV[2] then
  redis.call('PEXPIRE', key('suspect'), math.ceil(tonumber(ARGV[3]) / 1000))
end
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', contact, ARGV[i]) else redis.call('HSET', contact, ARGV[i], ARGV[i + 1]) end
end
return 1
