-- Brevo refused a request for its limit: halve how many of ours go out in the shortest window, once in each window.
-- ARGV: account: name, bucket: name, length: microseconds, most: number
-- Returns how many may go out in it now.
local name, at = ARGV[1] .. ':' .. ARGV[2], now()
local most, scarce = tonumber(ARGV[4]), read_scarcity(name)
local pace = allowance(scarce, most, ARGV[3], true, at)
local since = scarce.paced and tonumber(at) - scarce.paced or -1
if since >= 0 and since < tonumber(ARGV[3]) then return pace end
pace = math.max(math.floor(pace / 2), 1)
redis.call('HSET', key('scarce:' .. name), 'pace', string.format('%.0f', pace), 'paced', at)
redis.call('PEXPIRE', key('scarce:' .. name), AN_HOUR)
return pace
