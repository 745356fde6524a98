-- Whether a request of an account may pass. Told are: account, bucket, priority (0 goes first), milliseconds between two
-- probes of a paused account, then for each window how many requests and how many microseconds. A window is a list of
-- the moments of its last requests, by Redis' clock: exact for whatever way Brevo counts, the same for all machines.
-- Returns 'granted' or 'probe'; 'wait' and microseconds; or 'paused', microseconds and why.
-- Who asks ahead takes what is free now: it neither probes nor is waited for.
local function grant(told, ahead)
  local account, bucket, priority, at = told[1], told[2], tonumber(told[3]), now()
  local name = account .. ':' .. bucket
  local why, answer = redis.call('GET', key('paused:' .. account)), 'granted'
  if why then
    local probe = key('probed:' .. account)
    if ahead or not redis.call('SET', probe, '1', 'NX', 'PX', told[4]) then
      return {'paused', string.format('%.0f', redis.call('PTTL', probe) * 1000), why}
    end
    answer = 'probe'
  end
  local held = redis.call('PTTL', key('held:' .. name))
  if held > 0 then return {'wait', string.format('%.0f', held * 1000)} end
  local wait, windows = 0, {}
  for i = 5, #told, 2 do
    local count, length = tonumber(told[i]), tonumber(told[i + 1])
    local window = key('granted:' .. name .. ':' .. told[i + 1])
    local oldest = redis.call('LINDEX', window, count - 1)
    if oldest then wait = math.max(wait, tonumber(oldest) + length - tonumber(at)) end
    table.insert(windows, {name = window, count = count, length = length})
  end
  -- Another process waits with something more urgent: the next grant is its own.
  local first = key('first:' .. name)
  local other = tonumber(redis.call('GET', first) or priority)
  if other < priority then wait = math.max(wait, redis.call('PTTL', first) * 1000 + 1000) end
  if wait > 0 then
    if not ahead and other >= priority then redis.call('SET', first, priority, 'PX', math.ceil(wait / 1000) + 50) end
    return {'wait', string.format('%.0f', wait)}
  end
  if other == priority then redis.call('DEL', first) end
  for _, window in ipairs(windows) do
    redis.call('LPUSH', window.name, at)
    redis.call('LTRIM', window.name, 0, window.count - 1)
    redis.call('PEXPIRE', window.name, math.ceil(window.length / 1000))
  end
  return {answer, '0'}
end
