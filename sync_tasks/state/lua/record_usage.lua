-- Make room for other programs' requests with the same account.
-- ARGV: account: name, bucket: name, length: microseconds, most: number, counted: number
-- `length`: the length of a window. `most`: the number of our own requests that it may hold. `counted`: Brevo's count.
-- Brevo's window is never longer than ours. So other programs sent what it counted beyond our own grants.
-- A window may be very long. So its first request is found by halves, and room is made for some requests at a time.
-- Brevo repeats its count in each answer's headers (https://developers.brevo.com/docs/limit-headers).
-- Returns the number of requests for which room was made.
local length, most, counted = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local window = key('granted:' .. ARGV[1] .. ':' .. ARGV[2] .. ':' .. ARGV[3])
local at = moment_of(window, length, now())
-- The list holds the newest moment first: all before `own` are in the window, none from `out` on.
local own, out = 0, math.min(redis.call('LLEN', window), counted + 1)
local function is_in(index) return tonumber(redis.call('LINDEX', window, index)) + length > tonumber(at) end
if out > 0 and is_in(out - 1) then own = out end
while own < out do
  local middle = math.floor((own + out) / 2)
  if is_in(middle) then own = middle + 1 else out = middle end
end
local others = {}
for i = 1, math.min(counted - own, PART) do others[i] = at end
if #others > 0 then
  redis.call('LPUSH', window, unpack(others))
  redis.call('LTRIM', window, 0, most - 1)
  redis.call('PEXPIRE', window, math.ceil(length / 1000))
end
return #others
