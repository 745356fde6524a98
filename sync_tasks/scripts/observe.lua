-- Make room for what others ask with the same account. ARGV: account, bucket, how many microseconds a window is long,
-- how many of our own requests it holds at most, how many requests Brevo has counted in it.
-- Brevo's window is never longer than ours: what it counted beyond our own grants, somebody else asked.
local at, length, most, counted = now(), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local window = key('granted:' .. ARGV[1] .. ':' .. ARGV[2] .. ':' .. length)
local own = 0
for _, moment in ipairs(redis.call('LRANGE', window, 0, counted)) do
  if tonumber(moment) + tonumber(length) > tonumber(at) then own = own + 1 end
end
for _ = own + 1, counted do redis.call('LPUSH', window, at) end
if counted > own then
  redis.call('LTRIM', window, 0, most - 1)
  redis.call('PEXPIRE', window, math.ceil(tonumber(length) / 1000))
end
return math.max(counted - own, 0)
