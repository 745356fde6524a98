-- Tell up to which moment subscriptions wait.
-- ARGV: known_sweeps: number
-- `known_sweeps`: how many sweeps this process has seen.
-- Returns the moment (a stamp) or '', and how many sweeps there were.
local held, sweeps = held_until(tonumber(ARGV[1]), now())
return {held, string.format('%.0f', sweeps)}
