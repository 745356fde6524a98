-- Let one request of an account pass, or say how long to wait. ARGV: account, bucket, then for each window how many
-- requests and how many microseconds. A window is a list of the moments of its last requests, by Redis' clock: exact
-- for whatever way Brevo counts, and the same for all machines.
-- Returns 'granted'; 'wait' and microseconds; or 'paused', microseconds and why.
local account, bucket, at = ARGV[1], ARGV[2], now()
local why = redis.call('GET', key('paused:' .. account))
if why then return {'paused', string.format('%.0f', redis.call('PTTL', key('paused:' .. account)) * 1000), why} end
local held = redis.call('PTTL', key('held:' .. account .. ':' .. bucket))
if held > 0 then return {'wait', string.format('%.0f', held * 1000)} end
local wait, windows = 0, {}
for i = 3, #ARGV, 2 do
  local count, length = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local window = key('granted:' .. account .. ':' .. bucket .. ':' .. ARGV[i + 1])
  local oldest = redis.call('LINDEX', window, count - 1)
  if oldest then wait = math.max(wait, tonumber(oldest) + length - tonumber(at)) end
  table.insert(windows, {name = window, count = count, length = length})
end
if wait > 0 then return {'wait', string.format('%.0f', wait)} end
for _, window in ipairs(windows) do
  redis.call('LPUSH', window.name, at)
  redis.call('LTRIM', window.name, 0, window.count - 1)
  redis.call('PEXPIRE', window.name, math.ceil(window.length / 1000))
end
return {'granted', '0'}
