-- Note how many requests Brevo says that a window of an account holds, if these are fewer than are configured.
-- ARGV: account: name, bucket: name, length: microseconds, limit: number or ''
-- `limit` is '' if they are not: what was noted of that length is over.
-- Returns nothing.
local scarce = key('scarce:' .. ARGV[1] .. ':' .. ARGV[2])
if ARGV[4] == '' then redis.call('HDEL', scarce, ARGV[3]) else redis.call('HSET', scarce, ARGV[3], ARGV[4]) end
redis.call('PEXPIRE', scarce, AN_HOUR)
