-- For how many milliseconds what is paused may not be probed. The first half of a probe's time is nobody's; the second
-- half belongs to opt-outs and erasures, as long as any of them wait.
local function probe_wait(name, priority, every)
  local left = redis.call('PTTL', key('probed:' .. name))
  local behind = priority > 0 and redis.call('EXISTS', key('urgent')) == 1
  return math.max(behind and left or left - every, 0)
end

-- Whether a request of an account may pass. Told are: account, and after a space the part of it that the request needs;
-- bucket, priority (0 goes first), milliseconds between two probes of what is paused, then for each window how many
-- requests and how many microseconds. A window is a list of the moments of its last requests, by Redis' clock: exact for
-- whatever way Brevo counts, the same for all machines.
-- Returns 'granted' or 'probe'; 'wait' and microseconds; or 'paused', microseconds, why, and which part, '' for all. A
-- probe tells besides, as '1' or '', whether it probes the account and whether its part.
-- Who asks ahead takes what is free now: it neither probes nor is waited for.
local function grant(told, ahead)
  local account, part = string.match(told[1], '^(%S+) ?(.*)$')
  local bucket, priority, every, at = told[2], tonumber(told[3]), tonumber(told[4]), now()
  local name = account .. ':' .. bucket
  local why = redis.call('GET', key('paused:' .. account))
  local part_why = part ~= '' and redis.call('HGET', key('paused_parts'), told[1])
  if why or part_why then
    local free = why and probe_wait(account, priority, every) or 0
    if part_why then free = math.max(free, probe_wait(told[1], 0, every)) end
    if ahead or free > 0 then return {'paused', string.format('%.0f', free * 1000), why or part_why, why and '' or part} end
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
  if not why and not part_why then return {'granted', '0'} end
  if why then redis.call('SET', key('probed:' .. account), '1', 'PX', 2 * every) end
  if part_why then redis.call('SET', key('probed:' .. told[1]), '1', 'PX', 2 * every) end
  return {'probe', '0', why and '1' or '', part_why and '1' or ''}
end
