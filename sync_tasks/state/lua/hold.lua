-- The hold: up to its moment subscriptions wait, for the state may be older than the world (see `holds`).
-- After so long without a sweep the state may be another one than was swept last.
local UNSWEPT = 20000000
local EXAMINING = 'examining'
-- `newest`: the number of sweeps that this process has seen. With fewer in Redis, the state surely went backwards.
-- Returns the moment up to which subscriptions wait or '', the number of sweeps, and the hold or nil.
local function held_until(newest, at)
  local values = redis.call('MGET', key('hold'), key('swept'), key('sweeps'))
  local hold, swept, sweeps = values[1] or nil, values[2] or nil, tonumber(values[3] or '0')
  if newest > sweeps then
    if not hold or string.sub(hold, STAMP + 2) == EXAMINING then
      hold = at .. ' a process remembers ' .. string.format('%.0f', newest - sweeps) .. ' sweeps that the state lacks'
      redis.call('SET', key('hold'), hold)
    end
    redis.call('SET', key('sweeps'), string.format('%.0f', newest))
    sweeps = newest
  end
  if hold then return string.sub(hold, 1, STAMP), sweeps, hold end
  if swept and tonumber(at) - tonumber(swept) > UNSWEPT then return swept, sweeps end
  return '', sweeps
end
