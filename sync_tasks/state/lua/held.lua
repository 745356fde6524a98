-- Return the moment up to which subscriptions wait.
-- ARGV: known_sweeps: number
-- `known_sweeps`: the number of sweeps that this process has seen.
-- Returns the moment (a stamp) or '', and the number of sweeps.
local held, sweeps = held_until(tonumber(ARGV[1]), now())
return {held, string.format('%.0f', sweeps)}
