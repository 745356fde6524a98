-- Redis' clock may be put back. Then a key expires too late, and a window's requests lie in the future: both are cut
-- back.
local BLINK, SHORT, LONGEST_HOLD, AN_HOUR = 1000000, 1000, 3600000, 3600000
local function left_of(name, most)
  local left = redis.call('PTTL', name)
  if left > most then
    redis.call('PEXPIRE', name, most)
    left = most
  end
  return left
end

-- Return the moment for counting a window. A long window in the future is forgotten: Brevo's own count fills it again.
local function moment_of(window, length, at)
  local ahead = tonumber(redis.call('LINDEX', window, 0) or 0) - tonumber(at)
  if ahead <= 0 then return at end
  if ahead < BLINK then return later(at, ahead) end
  local moments = redis.call('LLEN', window) <= SHORT and redis.call('LRANGE', window, 0, -1) or {}
  redis.call('DEL', window)
  for _, moment in ipairs(moments) do redis.call('RPUSH', window, later(moment, -ahead)) end
  redis.call('PEXPIRE', window, math.ceil(length / 1000))
  return at
end

-- Return the milliseconds until a pause may be probed. In the first half of the time nobody may. The second half
-- belongs to opt-outs and erasures, as long as any of them wait.
local function probe_wait(name, priority, every)
  local left = left_of(key('probed:' .. name), 2 * every)
  local behind = priority > 0 and redis.call('EXISTS', key('urgent')) == 1
  return math.max(behind and left or left - every, 0)
end

-- Brevo may let fewer requests through than are configured. `scarce` holds by Brevo's word the limit of each window (the
-- field is its length), and since the last 429 how many go out in the shortest one (`pace`, since `paced`). The pace
-- grows again by a tenth of what is configured, one at least, each few seconds.
local QUICKENS = 4000000
local function read_scarcity(name)
  local found, texts = {}, redis.call('HGETALL', key('scarce:' .. name))
  for i = 1, #texts, 2 do found[texts[i]] = tonumber(texts[i + 1]) end
  return found
end
local function allowance(scarce, count, length, shortest, at)
  local most = math.min(count, scarce[length] or count)
  if not shortest or not scarce.pace then return most end
  local steps = math.max(math.floor((tonumber(at) - scarce.paced) / QUICKENS), 0)
  return math.min(most, scarce.pace + steps * math.max(math.floor(count / 10), 1))
end

-- What others have asked of a window (`others:<length>`) is believed up to a moment (`until:<length>`): one odd count
-- stops no account for an hour. The next answer brings the next count.
-- Returns how many these are, and for how many microseconds that is believed.
local BELIEVED = 300000000
local function others_of(scarce, length, at)
  local left = (scarce['until:' .. length] or 0) - tonumber(at)
  if left <= 0 or left > math.min(tonumber(length), BELIEVED) then return 0, 0 end
  return scarce['others:' .. length], left
end

-- Return the microseconds until a window has room, of which so many requests of ours are allowed.
local function room_wait(window, length, allowed, moment)
  local oldest = redis.call('LINDEX', window, allowed - 1)
  return oldest and tonumber(oldest) + length - tonumber(moment) or 0
end

-- Decide whether a request of an account may go out. The question: account, with the part that it needs after a space;
-- bucket; priority (0 goes first); milliseconds between two probes. Then come requests and microseconds of each window.
-- A window is a list of the moments of its last requests, by Redis' clock. That is exact however Brevo counts, and the
-- same for all machines.
-- Returns 'granted' or 'probe'; 'wait' and microseconds; or 'paused', microseconds, reason, and part ('' for all). A
-- probe also returns, as '1' or '', whether it probes the account and whether it probes its part.
-- With `ahead`, grant only if a permit is free now: no probe, no place in the queue.
local function grant(question, ahead)
  local account, part = string.match(question[1], '^(%S+) ?(.*)$')
  local bucket, priority, every, at = question[2], tonumber(question[3]), tonumber(question[4]), now()
  local name = account .. ':' .. bucket
  local why = redis.call('GET', key('paused:' .. account))
  local part_why = part ~= '' and redis.call('HGET', key('paused_parts'), question[1])
  if why or part_why then
    local free = why and probe_wait(account, priority, every) or 0
    if part_why then free = math.max(free, probe_wait(question[1], 0, every)) end
    if ahead or free > 0 then return {'paused', string.format('%.0f', free * 1000), why or part_why, why and '' or part} end
  end
  local hold = key('held:' .. name)
  if redis.call('EXISTS', hold) == 1 then
    local most = tonumber(redis.call('GET', hold))
    -- The text of an older release holds no length.
    local held = left_of(hold, most >= 100 and most or LONGEST_HOLD)
    return {'wait', string.format('%.0f', math.max(held, 1) * 1000)}
  end
  local wait, longest, windows, scarce = 0, 0, {}, read_scarcity(name)
  for i = 5, #question, 2 do
    local count, length = tonumber(question[i]), tonumber(question[i + 1])
    local window = key('granted:' .. name .. ':' .. question[i + 1])
    local moment = moment_of(window, length, at)
    longest = math.max(longest, math.ceil(length / 1000) + 50)
    local allowed = allowance(scarce, count, question[i + 1], i == 5, moment)
    local others, left = others_of(scarce, question[i + 1], moment)
    local free = room_wait(window, length, allowed, moment)
    if others > 0 then
      local beside = allowed > others and room_wait(window, length, allowed - others, moment) or left
      free = math.min(beside, math.max(left, free))
    end
    wait = math.max(wait, free)
    table.insert(windows, {name = window, count = count, length = length, moment = moment})
  end
  -- Another process waits with a more urgent request: the next grant is its own.
  local first = key('first:' .. name)
  local other = tonumber(redis.call('GET', first) or priority)
  if other < priority then wait = math.max(wait, left_of(first, longest) * 1000 + 1000) end
  if wait > 0 then
    if not ahead and other >= priority then redis.call('SET', first, priority, 'PX', math.ceil(wait / 1000) + 50) end
    return {'wait', string.format('%.0f', wait)}
  end
  if other == priority then redis.call('DEL', first) end
  for _, window in ipairs(windows) do
    redis.call('LPUSH', window.name, window.moment)
    redis.call('LTRIM', window.name, 0, window.count - 1)
    redis.call('PEXPIRE', window.name, math.ceil(window.length / 1000))
  end
  if not why and not part_why then return {'granted', '0'} end
  if why then redis.call('SET', key('probed:' .. account), '1', 'PX', 2 * every) end
  if part_why then redis.call('SET', key('probed:' .. question[1]), '1', 'PX', 2 * every) end
  return {'probe', '0', why and '1' or '', part_why and '1' or ''}
end
