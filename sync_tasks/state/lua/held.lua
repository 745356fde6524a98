-- Return up to which moment subscriptions wait or '', and how many sweeps there were. ARGV: how many sweeps this process
-- has seen.
local held, sweeps = held_until(tonumber(ARGV[1]), now())
return {held, string.format('%.0f', sweeps)}
