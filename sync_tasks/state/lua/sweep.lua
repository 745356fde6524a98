-- Record a sweep. After a while without one, the state is on hold until its examination.
-- ARGV: known_sweeps: number
-- `known_sweeps`: the number of sweeps that this process has seen.
-- Returns the number of sweeps with this one, and the hold or ''.
local at = now()
local held, sweeps, hold = held_until(tonumber(ARGV[1]), at)
if held ~= '' and not hold then
  hold = held .. ' ' .. EXAMINING
  redis.call('SET', key('hold'), hold)
end
redis.call('SET', key('swept'), at)
redis.call('SET', key('sweeps'), string.format('%.0f', sweeps + 1))
return {string.format('%.0f', sweeps + 1), hold or ''}
