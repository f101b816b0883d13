"""The Lua scripts of the Redis store.

A session is a hash with these fields: `m` is the state as JSON, `c` when it was created, `s` when it was seen, `e` when
it ends, `g` its generation, `v` the number of saves, `h` whether it is a husk, and `d:KEY` the text of each key. Times
are seconds since 1970 by the clock of the server. Each script uses one key, and begins with `CLOCK`.
"""

from __future__ import annotations

import typing as t

#: Sets `now`.
CLOCK: t.Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""
_SEEN = """
local function see(idle, absolute)
    local ends = math.min(now + idle, tonumber(redis.call('HGET', KEYS[1], 'c')) + absolute)
    redis.call('HSET', KEYS[1], 's', string.format('%.6f', now), 'e', string.format('%.6f', ends))
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((ends - now) * 1000)))
end
"""

#: ARGV: idle and absolute time, and how often it is stored that a session was seen, in seconds.
#: Returns the time, 1 if that was stored now, and the fields.
LOAD: t.Final = (
    _SEEN
    + """
local seen = redis.call('HMGET', KEYS[1], 's', 'h', 'e')
if not seen[1] or tonumber(seen[3]) <= now then return false end
local stored = 0
if seen[2] ~= '1' and now - tonumber(seen[1]) >= tonumber(ARGV[3]) then
    see(tonumber(ARGV[1]), tonumber(ARGV[2]))
    stored = 1
end
local answer = redis.call('HGETALL', KEYS[1])
table.insert(answer, 1, stored)
table.insert(answer, 1, string.format('%.6f', now))
return answer
"""
)

#: ARGV: how long it lasts, the state, and names and values of fields. Returns the time and when it ends; nothing if
#: there is one.
CREATE: t.Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local at, ends = string.format('%.6f', now), now + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'm', ARGV[2], 'c', at, 's', at, 'e', string.format('%.6f', ends))
redis.call('HSET', KEYS[1], 'g', '1', 'v', '0', 'h', '0')
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((ends - now) * 1000)))
return {at, string.format('%.6f', ends)}
"""

#: ARGV: the generation, 1 to clear the content, idle and absolute time, and five for each change: what to do, the
#: field, a text, whether there is a base, and the base. Returns nothing if the session has ended; `saved` and the
#: keys in conflict; or `changed` and, for each value that is not the base, the key, whether there is one, and it.
APPLY: t.Final = (
    _SEEN
    + """
local known = redis.call('HMGET', KEYS[1], 'g', 'h', 'e')
if known[1] ~= ARGV[1] or known[2] ~= '0' or tonumber(known[3]) <= now then return false end
local cleared = ARGV[2] == '1'
local writes, drops, conflicts, changed = {}, {}, {}, {}
for i = 5, #ARGV, 5 do
    local kind, field, text, base = ARGV[i], ARGV[i + 1], ARGV[i + 2], false
    if ARGV[i + 3] == '1' then base = ARGV[i + 4] end
    local there = not cleared and redis.call('HGET', KEYS[1], field)
    local key, cannot = string.sub(field, 3), false
    if kind == 'set' then
        if there and there ~= base and there ~= text then table.insert(conflicts, key) end
    elseif kind == 'drop' then
        text = false
    elseif kind == 'add' then
        if not there then there = '0' end
        if #there < 15 and string.match(there, '^-?%d+$') then
            text = string.format('%.0f', tonumber(there) + tonumber(text))
            if text == '-0' then text = '0' end
        else
            cannot = true
        end
    elseif kind == 'append' then
        if not there or string.match(there, '^%[%s*%]$') then
            text = '[' .. text .. ']'
        elseif string.sub(there, 1, 1) == '[' and text ~= '' then
            text = string.sub(there, 1, -2) .. ',' .. text .. ']'
        else
            cannot = true
        end
    else
        cannot = there ~= base
        if kind == 'remove' then text = false end
    end
    if cannot then
        table.insert(changed, key)
        if there then table.insert(changed, 1) else table.insert(changed, 0) end
        table.insert(changed, there or '')
    elseif text then
        table.insert(writes, field)
        table.insert(writes, text)
    else
        table.insert(drops, field)
    end
end
if #changed > 0 then
    table.insert(changed, 1, 'changed')
    return changed
end
if cleared then
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
        if string.sub(field, 1, 2) == 'd:' then redis.call('HDEL', KEYS[1], field) end
    end
    redis.call('HINCRBY', KEYS[1], 'g', 1)
end
for i = 1, #drops do redis.call('HDEL', KEYS[1], drops[i]) end
for i = 1, #writes, 2 do redis.call('HSET', KEYS[1], writes[i], writes[i + 1]) end
redis.call('HINCRBY', KEYS[1], 'v', 1)
see(tonumber(ARGV[3]), tonumber(ARGV[4]))
table.insert(conflicts, 1, 'saved')
return conflicts
"""
)

#: ARGV: the state that was read; the number of saves then, or nothing if that does not matter; the new state, or
#: nothing to remove the session; whether it is a husk, and when it ends. Returns whether that was done.
KEEP: t.Final = """
if redis.call('HGET', KEYS[1], 'm') ~= ARGV[1] then return 0 end
if ARGV[3] == '' then
    redis.call('DEL', KEYS[1])
    return 1
end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'v') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'm', ARGV[3], 'h', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'v', 1)
if ARGV[4] == '1' then
    redis.call('HSET', KEYS[1], 'e', ARGV[5])
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((tonumber(ARGV[5]) - now) * 1000)))
end
return 1
"""

#: ARGV: a handle, and when its session ends. Sessions that have ended are taken off the list.
INDEX: t.Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.6f', now))
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((tonumber(last[2]) - now) * 1000)))
return 1
"""
