"""The Lua scripts of the Redis store.

A session is a hash with three fields. `t` has what scripts compare, in one line: its version, its generation, 1 if it
is a husk, when it was created, when it was seen, and when it ends; times are seconds since 1970 by the clock of the
server, in thousandths, because more digits take longer to read. `m` is the rest of its state, in a form of
`redis_records`, and `c` its content, in that of `content`. Each script uses one key, and all but `SAVE` begin with
`CLOCK`.
"""

from __future__ import annotations

import typing as t

#: Sets `now`.
CLOCK: t.Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""
_KNOWN = """
local function known(text)
    if not text then return end
    return string.match(text, '^(%d+) (%d+) (%d) ([%d.e+-]+) ([%d.e+-]+) ([%d.e+-]+)$')
end
local function moment()  -- rounded down: what is stored is never ahead of the clock
    return string.format('%.3f', math.floor(now * 1000) / 1000)
end
local function keep_until(ends)
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((ends - now) * 1000)))
end
local function seen(created, idle, absolute)
    local ends = math.min(now + tonumber(idle), tonumber(created) + tonumber(absolute))
    keep_until(ends)
    return moment(), string.format('%.3f', ends)
end
"""

#: Returns a session, and the time in seconds and microseconds.
READ: t.Final = """
local seconds = math.floor(now)
return {redis.call('HMGET', KEYS[1], 't', 'm', 'c'),
    {string.format('%.0f', seconds), string.format('%.0f', (now - seconds) * 1000000)}}
"""

#: ARGV: idle and absolute time, and how often it is stored that a session was seen, in seconds.
#: Stores that it was, if it is time. Returns when that was and when it ends; nothing if it was not stored.
SEEN: t.Final = (
    _KNOWN
    + """
local v, g, h, c, s, e = known(redis.call('HGET', KEYS[1], 't'))
if not e or h ~= '0' or tonumber(e) <= now or now - tonumber(s) < tonumber(ARGV[3]) then return false end
s, e = seen(c, ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 't', table.concat({v, g, h, c, s, e}, ' '))
return {s, e}
"""
)

#: ARGV: how long it lasts, `m` and `c`. Returns the time and when it ends; nothing if there is one.
CREATE: t.Final = (
    _KNOWN
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local at, ends = moment(), string.format('%.3f', now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 't', table.concat({0, 1, 0, at, at, ends}, ' '), 'm', ARGV[2], 'c', ARGV[3])
keep_until(tonumber(ends))
return {at, ends}
"""
)

#: ARGV: how `t` begins if nobody else has saved, what it begins with afterwards, and the content. Returns 1 if that is
#: stored, and 0 if another request has saved, or the session has ended.
SAVE: t.Final = """
local head = redis.call('HGET', KEYS[1], 't')
if not head or string.sub(head, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'c', ARGV[3], 't', ARGV[2] .. string.sub(head, #ARGV[1] + 1))
return 1
"""

#: ARGV: the generation that was read; the changes as JSON: for each what to do, the key, a text, and the base, or null;
#: 1 to clear the content first; idle and absolute time, and how often it is stored that the session was seen.
#: Returns 0 if the session has ended, 1 if all is saved; `saved` and the keys in conflict; or `changed` and, for each
#: value that is not the base, the key, whether there is one, and it. Keys are JSON.
APPLY: t.Final = (
    _KNOWN
    + """
local v, g, h, c, s, e = known(redis.call('HGET', KEYS[1], 't'))
if g ~= ARGV[1] or h ~= '0' or tonumber(e) <= now then return 0 end
-- The keys in their order, and the text of each.
local keys, there_is, conflicts, changed = {}, {}, {}, {}
local content = ARGV[3] == '1' and '' or redis.call('HGET', KEYS[1], 'c') or ''
for line in string.gmatch(content, '[^\\n]+') do
    local at = string.find(line, '["\\\\]', 2)
    while at and string.sub(line, at, at) == '\\\\' do at = string.find(line, '["\\\\]', at + 2) end
    if at and string.sub(line, at + 1, at + 1) == ':' then
        local key = string.sub(line, 1, at)
        if not there_is[key] then table.insert(keys, key) end
        there_is[key] = string.sub(line, at + 2)
    end
end
for _, step in ipairs(cjson.decode(ARGV[2])) do
    local kind, key, text, base, cannot = step[1], step[2], step[3], step[4], false
    local there = there_is[key]
    if base == cjson.null then base = nil end
    if kind == 'set' then
        if there and there ~= base and there ~= text then table.insert(conflicts, key) end
    elseif kind == 'drop' then
        text = nil
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
    elseif kind == 'extend' or kind == 'take' then
        -- Both lists are the base and more: what others have added stays.
        local start = string.sub(base, 1, -2)
        if there == base then
            if kind == 'take' then text = '[]' end
        elseif kind == 'take' and #base > 2 and there and string.sub(there, 1, #start + 1) == start .. ',' then
            text = '[' .. string.sub(there, #start + 2)
        elseif kind == 'extend' and there and string.sub(there, 1, 1) == '[' then
            text = string.sub(text, #start + (#base > 2 and 2 or 1))
            if string.match(there, '^%[%s*%]$') then
                text = '[' .. text
            else
                text = string.sub(there, 1, -2) .. ',' .. text
            end
        else
            cannot = true
        end
    else
        cannot = there ~= base
        if kind == 'remove' then text = nil end
    end
    if cannot then
        table.insert(changed, key)
        if there_is[key] then table.insert(changed, 1) else table.insert(changed, 0) end
        table.insert(changed, there_is[key] or '')
    else
        if text and not there_is[key] then table.insert(keys, key) end
        there_is[key] = text
    end
end
if #changed > 0 then
    table.insert(changed, 1, 'changed')
    return changed
end
local lines = '\\n'
for _, key in ipairs(keys) do
    if there_is[key] then lines = lines .. key .. ':' .. there_is[key] .. '\\n' end
end
if now - tonumber(s) >= tonumber(ARGV[6]) then s, e = seen(c, ARGV[4], ARGV[5]) end
if ARGV[3] == '1' then g = string.format('%.0f', g + 1) end
v = string.format('%.0f', v + 1)
redis.call('HSET', KEYS[1], 'c', lines, 't', table.concat({v, g, h, c, s, e}, ' '))
if #conflicts == 0 then return 1 end
table.insert(conflicts, 1, 'saved')
return conflicts
"""
)

#: ARGV: the version that was read, the new `t` and `m`, or nothing to remove the session, and when it ends. Returns
#: whether the version was still that one.
KEEP: t.Final = (
    _KNOWN
    + """
if known(redis.call('HGET', KEYS[1], 't')) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
    redis.call('DEL', KEYS[1])
    return 1
end
redis.call('HSET', KEYS[1], 't', ARGV[2], 'm', ARGV[3])
keep_until(tonumber(ARGV[4]))
return 1
"""
)

#: ARGV: a handle, and in how many seconds its session ends. Sessions that have ended are taken off the list.
INDEX: t.Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.6f', now))
redis.call('ZADD', KEYS[1], string.format('%.6f', now + tonumber(ARGV[2])), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((tonumber(last[2]) - now) * 1000)))
return 1
"""
