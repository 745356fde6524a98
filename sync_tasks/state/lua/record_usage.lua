-- Make room for other programs' requests with the same account.
-- ARGV: account: name, bucket: name, length: microseconds, most: number, counted: number
-- `length`: the length of a window. `most`: the number of our own requests that it may hold. `counted`: Brevo's count.
-- Brevo's window is never longer than ours. So other programs sent what it counted beyond our own grants.
-- A window may be very long. So its first request is found by halves.
-- Brevo repeats its count in each answer's headers (https://developers.brevo.com/docs/limit-headers).
-- Returns how many requests of other programs are believed.
local name, length, counted = ARGV[1] .. ':' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local window = key('granted:' .. name .. ':' .. ARGV[3])
local at = moment_of(window, length, now())
-- The list holds the newest moment first: all before `own` are in the window, none from `out` on.
local own, out = 0, math.min(redis.call('LLEN', window), counted + 1)
local function is_in(index) return tonumber(redis.call('LINDEX', window, index)) + length > tonumber(at) end
if out > 0 and is_in(out - 1) then own = out end
while own < out do
  local middle = math.floor((own + out) / 2)
  if is_in(middle) then own = middle + 1 else out = middle end
end
local others = math.min(counted - own, tonumber(ARGV[4]))
local known = others_of(read_scarcity(name), ARGV[3], at)
if others <= 0 or others < known then return known end
local ends = string.format('%.0f', tonumber(at) + math.min(length, BELIEVED))
redis.call('HSET', key('scarce:' .. name), 'others:' .. ARGV[3], others, 'until:' .. ARGV[3], ends)
redis.call('PEXPIRE', key('scarce:' .. name), AN_HOUR)
return others
