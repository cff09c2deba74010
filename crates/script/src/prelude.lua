-- What scripts see of Lua: copies of the harmless functions, bounded forms of the others, nothing
-- that can be changed. Runs once, when the state is made, with the functions of the host.

local host = ...

local assert, error, gcinfo, getmetatable, ipairs, next, pcall, rawequal, rawget, rawset,
    select, setmetatable, tonumber, tostring, type, unpack, xpcall, collectgarbage =
    assert, error, gcinfo, getmetatable, ipairs, next, pcall, rawequal, rawget, rawset,
    select, setmetatable, tonumber, tostring, type, unpack, xpcall, collectgarbage
local byte, find, gsub, rep, sub = string.byte, string.find, string.gsub, string.rep, string.sub
local coroutines, create, resume = coroutine, coroutine.create, coroutine.resume
local floor, insert, sort = math.floor, table.insert, table.sort

local READONLY = 'Attempt to modify a readonly table'
local RESULTS_MAX, PLACES_MAX, SORTED_IN_C_MAX, REPEATED_IN_C_MAX = 8000, 1000000, 10000, 4096

-- Set by the host: killed, while a script that must end is still unwinding.
local state = { killed = false }

-- Tables that scripts can read but not change: an empty table stands for the real one.
local contents = setmetatable({}, { __mode = 'k' })
local locked

local function refuse() error(READONLY, 2) end

local function protect(real)
    local proxy = {}
    contents[proxy] = real
    return setmetatable(proxy, { __index = real, __newindex = refuse, __metatable = locked })
end

locked = protect({})
getmetatable(locked).__metatable = locked

local function writable(t)
    if contents[t] then error(READONLY, 3) end
end

-- Errors. A script that was killed cannot go on by catching the error.

local function unwound()
    if state.killed then host.die() end
end

local function caught(ok, e, ...)
    if ok then return true, e, ... end
    unwound()
    e = host.visible(e)
    if type(e) == 'table' and type(rawget(e, 'err')) == 'string' then e = rawget(e, 'err') end
    return false, e
end

local function resumed(ok, e, ...)
    if ok then return true, e, ... end
    unwound()
    return false, host.visible(e)
end

local function unwrapped(ok, e, ...)
    if ok then return e, ... end
    unwound()
    error(e, 0)
end

local builtins = {
    assert = assert, error = error, gcinfo = gcinfo, getmetatable = getmetatable, ipairs = ipairs,
    rawequal = rawequal, select = select, tonumber = tonumber, tostring = tostring, type = type,
    _VERSION = _VERSION,
}

function builtins.pcall(f, ...) return caught(pcall(f, ...)) end

function builtins.xpcall(f, handler)
    return resumed(xpcall(f, function(e)
        if state.killed then return e end
        return handler(host.visible(e))
    end))
end

-- Tables.

function builtins.rawset(t, key, value)
    writable(t)
    return rawset(t, key, value)
end

function builtins.rawget(t, key) return rawget(contents[t] or t, key) end

function builtins.setmetatable(t, meta)
    writable(t)
    return setmetatable(t, meta)
end

local function following(t, key) return next(contents[t] or t, key) end

builtins.next = following

function builtins.pairs(t)
    if contents[t] then return following, t, nil end
    if type(t) ~= 'table' then
        error("bad argument #1 to 'pairs' (table expected, got " .. type(t) .. ')', 2)
    end
    return next, t, nil
end

function builtins.unpack(t, from, to)
    if from == nil and to == nil and type(t) == 'table' and #t < RESULTS_MAX then
        return unpack(t)
    end
    from, to = tonumber(from or 1), tonumber(to or #t)
    if from and to and from > to then return end
    if not (from and to and from >= -2147483648 and to < 2147483647 and to - from < RESULTS_MAX) then
        error('too many results to unpack', 2)
    end
    return unpack(t, from, to)
end

local tables = {}
for name, f in next, table do tables[name] = f end

function tables.insert(t, ...)
    writable(t)
    local place = ...
    if select('#', ...) == 2 and type(place) == 'number' and not (place > -PLACES_MAX) then
        error("bad argument #2 to 'insert' (position out of bounds)", 2)
    end
    return insert(t, ...)
end

function tables.remove(t, ...)
    writable(t)
    return table.remove(t, ...)
end

function tables.sort(t, less)
    writable(t)
    -- Only comparisons in Lua can be interrupted.
    if less == nil and type(t) == 'table' and #t > SORTED_IN_C_MAX then
        less = function(a, b) return a < b end
    end
    return sort(t, less)
end

-- Strings: patterns are matched by the host, which can stop.

local strings = {
    byte = byte, char = string.char, dump = string.dump, find = host.find, format = string.format,
    gfind = host.gmatch, gmatch = host.gmatch, gsub = host.gsub, len = string.len,
    lower = string.lower, match = host.match, reverse = string.reverse, sub = sub,
    upper = string.upper,
}

function strings.rep(s, n)
    if type(s) == 'string' then
        local times = tonumber(n)
        if times and times > REPEATED_IN_C_MAX or times and #s * times > REPEATED_IN_C_MAX then
            return host.rep(s, times)
        end
    end
    return rep(s, n)
end

-- Numbers: one sequence, the same on every machine.

local maths = {}
for name, f in next, math do maths[name] = f end

local function bound(n, place)
    local value = tonumber(n)
    if not value then
        error("bad argument #" .. place .. " to 'random' (number expected, got " .. type(n) .. ')', 3)
    end
    return value - value % 1
end

function maths.random(...)
    local count, r = select('#', ...), host.random()
    if count == 0 then return r end
    local low, high = 1, nil
    if count == 1 then
        high = bound((...), 1)
    elseif count == 2 then
        local from, to = ...
        low, high = bound(from, 1), bound(to, 2)
    else
        error('wrong number of arguments', 2)
    end
    if not (low <= high) then
        error("bad argument #" .. count .. " to 'random' (interval is empty)", 2)
    end
    return floor(r * (high - low + 1)) + low
end

function maths.randomseed(seed)
    host.randomseed(bound(seed, 1))
end

-- Coroutines.

local threads = {
    create = create, running = coroutines.running, status = coroutines.status,
    yield = coroutines.yield,
}

function threads.resume(co, ...) return resumed(resume(co, ...)) end

function threads.wrap(f)
    local co = create(f)
    return function(...) return unwrapped(resume(co, ...)) end
end

function builtins.collectgarbage(what, ...)
    if what == nil or what == 'collect' or what == 'count' or what == 'step' then
        return collectgarbage(what, ...)
    end
    return 0
end

builtins.coroutine = protect(threads)
builtins.math = protect(maths)
builtins.string = protect(strings)
builtins.table = protect(tables)

local texts = getmetatable('')
texts.__index = strings
texts.__metatable = locked

-- The commands' side.

local function trim(text) return (gsub(gsub(text, '^[\r\n]+', ''), '[\r\n]+$', '')) end

local function single(field)
    return function(...)
        if select('#', ...) ~= 1 or type((...)) ~= 'string' then
            return { err = 'ERR wrong number or type of arguments' }
        end
        return { [field] = (...) }
    end
end

local function error_reply(...)
    if select('#', ...) ~= 1 or type((...)) ~= 'string' then
        return { err = 'ERR wrong number or type of arguments' }
    end
    local text = ...
    if byte(text) == 45 then text = sub(text, 2) end
    local space = find(text, ' ', 1, true)
    if not space then return { err = 'ERR ' .. trim(text) } end
    return { err = sub(text, 1, space) .. trim(sub(text, space + 1)) }
end

local function commands()
    return {
        LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3, log = host.log,
        REDIS_VERSION = host.version, REDIS_VERSION_NUM = host.version_number,
        REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
        acl_check_cmd = host.acl_check_cmd, call = host.call, pcall = host.pcall,
        error_reply = error_reply, status_reply = single('ok'), set_repl = host.set_repl,
        setresp = host.setresp, sha1hex = host.sha1hex,
    }
end

local function nothing(_, name)
    if type(name) ~= 'string' and type(name) ~= 'number' then
        error('Second argument to luaProtectedTableError must be a string or number', 2)
    end
    error("Script attempted to access nonexistent global variable '" .. name .. "'", 2)
end

-- Globals for one kind of script.
local function environment(redis)
    local globals, env = {}, {}
    for name, value in next, builtins do globals[name] = value end
    globals.redis = protect(redis)
    globals.bit, globals.cjson = protect(host.bit), protect(host.cjson)
    globals.cmsgpack = protect(host.cmsgpack)
    globals._G = env
    contents[env] = globals
    setmetatable(globals, { __index = nothing })
    local meta = { __index = globals, __newindex = refuse, __metatable = locked }
    setmetatable(env, meta)

    local function compile(source, name) return host.compile(source, name, env) end

    globals.loadstring = compile

    -- All pieces are read before the parser starts: nothing of the script runs inside it.
    function globals.load(reader, name)
        if type(reader) ~= 'function' then
            error("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ')', 2)
        end
        local pieces, size = {}, 0
        while true do
            local piece = reader()
            if piece == nil or piece == '' then break end
            if type(piece) ~= 'string' then return nil, 'reader function must return a string' end
            pieces[#pieces + 1], size = piece, size + #piece
            if size > host.source_bytes_max then return nil, 'the source is too long' end
        end
        return compile(table.concat(pieces), name or '=(load)')
    end

    return { env = env, globals = globals, meta = meta }
end

local eval_redis = commands()
eval_redis.breakpoint = function() return false end
eval_redis.debug = function() end
eval_redis.replicate_commands = function() return true end

local loading = {
    redis = protect(setmetatable({
        LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3, log = host.log,
        REDIS_VERSION = host.version, REDIS_VERSION_NUM = host.version_number,
        register_function = host.register_function,
    }, { __index = nothing })),
}
setmetatable(loading, { __index = nothing })

-- Runs a script; what it returns, or an error with its place.
local function run(f, keys, argv)
    return xpcall(function() return f(keys, argv) end, host.placed)
end

return {
    state = state, run = run, loading = loading,
    eval = environment(eval_redis), functions = environment(commands()),
}
