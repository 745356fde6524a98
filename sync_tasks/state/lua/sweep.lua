-- Record a sweep. After a while without one, or on another server, the state is on hold until its examination.
-- ARGV: known_sweeps: number, server: string
-- `known_sweeps`: the number of sweeps that this process has seen. `server`: the run of the server, '' if nobody knows.
-- Returns the number of sweeps with this one, and the hold or ''.
local at = now()
local held, sweeps, hold = held_until(tonumber(ARGV[1]), at)
local server, swept = ARGV[2], redis.call('GET', key('swept'))
if server ~= '' then
  local before = redis.call('GET', key('server'))
  -- A replica that took over may lack what was accepted last, however short the time without sweeps was.
  if held == '' and swept and before and before ~= server then held = swept end
  redis.call('SET', key('server'), server)
end
if held ~= '' and not hold then
  hold = held .. ' ' .. EXAMINING
  redis.call('SET', key('hold'), hold)
end
redis.call('SET', key('swept'), at)
redis.call('SET', key('sweeps'), string.format('%.0f', sweeps + 1))
return {string.format('%.0f', sweeps + 1), hold or ''}
