-- Return how many requests an account lets through in each window now.
-- ARGV: account: name, bucket: name, {most: number, length: microseconds}*
-- Returns the milliseconds for which nobody may ask after a 429. Then, for each window, what Brevo says of it ('' if no
-- less than `most`), and how many may go out. What others ask of the shortest window changes too fast to be counted.
local name, at = ARGV[1] .. ':' .. ARGV[2], now()
local scarce, answer = read_scarcity(name), {string.format('%.0f', math.max(redis.call('PTTL', key('held:' .. name)), 0))}
for i = 3, #ARGV, 2 do
  local most = tonumber(ARGV[i])
  local limit = scarce[ARGV[i + 1]]
  table.insert(answer, limit and string.format('%.0f', limit) or '')
  local others = i > 3 and others_of(scarce, ARGV[i + 1], at) or 0
  table.insert(answer, string.format('%.0f', math.max(allowance(scarce, most, ARGV[i + 1], i == 3, at) - others, 0)))
end
return answer
