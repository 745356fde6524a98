-- Return how many requests an account lets through in each window now.
-- ARGV: account: name, bucket: name, {most: number, length: microseconds}*
-- Returns for each window what Brevo says of it ('' if no less than `most`), and how many may go out.
local scarce, answer = read_scarcity(ARGV[1] .. ':' .. ARGV[2]), {}
for i = 3, #ARGV, 2 do
  local most = tonumber(ARGV[i])
  local limit = scarce[ARGV[i + 1]]
  table.insert(answer, limit and string.format('%.0f', limit) or '')
  table.insert(answer, string.format('%.0f', allowance(scarce, most, ARGV[i + 1], i == 3, now())))
end
return answer
