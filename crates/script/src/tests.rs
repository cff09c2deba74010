//! The host with a caller that knows a few commands: words of errors, conversions, and scripts
//! that mean harm.

use crate::{Call, Caller, Host, Killed, ScriptError};
use resp::{Args, Protocol, Reply};
use std::time::{Duration, Instant};

/// Answers `echo`, `reply` (raw RESP), `fail`; ends scripts after a time.
struct World {
    deadline: Instant,
    log: Vec<String>,
}

impl World {
    fn new(limit_ms: u64) -> Self {
        Self { deadline: Instant::now() + Duration::from_millis(limit_ms), log: Vec::new() }
    }
}

impl Caller for World {
    fn call(&mut self, words: Args<'_>, protocol: Protocol, out: &mut Vec<u8>) {
        let mut reply = Reply::new(out, protocol);
        match words.at(0) {
            b"echo" => reply.bulk(words.at(1)),
            b"reply" => reply.raw(words.at(1)),
            b"protocol" => reply.int(if protocol == Protocol::Two { 2 } else { 3 }),
            _ => reply.error(b"WRONGTYPE no"),
        }
    }
    fn tick(&mut self) -> Result<(), Killed> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(Killed) }
    }
    fn log(&mut self, level: u8, text: &[u8]) {
        self.log.push(format!("{level} {}", String::from_utf8_lossy(text)));
    }
    fn set_replication(&mut self, targets: u8) {
        self.log.push(format!("replication {targets}"));
    }
    fn allows(&mut self, words: Args<'_>) -> Option<bool> {
        (words.at(0) != b"nosuch").then(|| words.at(0) == b"echo")
    }
}

fn run_as(host: &mut Host, source: &str, protocol: Protocol, limit_ms: u64) -> String {
    let mut out = Vec::new();
    let mut world = World::new(limit_ms);
    let ran = host.load(source.as_bytes()).and_then(|(sha, _)| {
        let call = Call { name: &sha, keys: vec![b"key"], args: vec![b"a1", b"a2"] };
        let ran = host.eval(&call, &mut world, &mut Reply::new(&mut out, protocol));
        ran.map_err(|ScriptError(text)| ScriptError(text.replace(&sha, "SHA")))
    });
    match ran {
        Ok(()) => String::from_utf8_lossy(&out).replace("\r\n", " ").trim().to_owned(),
        Err(ScriptError(text)) => format!("-{text}"),
    }
}

fn run(host: &mut Host, source: &str) -> String {
    run_as(host, source, Protocol::Two, 2_000)
}

fn check(lines: &[(&str, &str)]) {
    let mut host = Host::new("7.0.15");
    let wrong: Vec<_> = lines
        .iter()
        .map(|(source, want)| (source, run(&mut host, source), want))
        .filter(|(_, got, want)| got != *want)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn values_become_replies() {
    check(&[
        ("return 1", ":1"),
        ("return 3.99", ":3"),
        ("return -3.99", ":-3"),
        ("return 0/0", ":-9223372036854775808"),
        ("return 'x'", "$1 x"),
        ("return true", ":1"),
        ("return false", "$-1"),
        ("return nil", "$-1"),
        ("", "$-1"),
        ("return {1,'b',{3}}", "*3 :1 $1 b *1 :3"),
        ("return {1,nil,3}", "*1 :1"),
        ("return {ok='fine'}", "+fine"),
        ("return {ok='fi\\r\\nne'}", "+fi  ne"),
        ("return {err='MY bad'}", "-MY bad"),
        ("return {double=1.5}", "$3 1.5"),
        ("return {big_number='123'}", "$3 123"),
        ("return {big_number='123\\r\\n123'}", "$8 123  123"),
        ("return {map={a=1}}", "*2 $1 a :1"),
        ("return {set={a=true}}", "*1 $1 a"),
        ("return {verbatim_string={format='txt',string='hi'}}", "$2 hi"),
        ("return {KEYS[1],ARGV[1],ARGV[2]}", "*3 $3 key $2 a1 $2 a2"),
        ("return redis.status_reply('OK')", "+OK"),
        ("return redis.error_reply('My Err')", "-My Err"),
        ("return redis.error_reply('-My Err')", "-My Err"),
        ("return redis.error_reply('Err')", "-ERR Err"),
        ("return redis.error_reply(1)", "-ERR wrong number or type of arguments"),
        ("return redis.sha1hex('')", "$40 da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("return redis.REDIS_VERSION_NUM", ":458767"),
        ("return tostring(0.1) .. 1e15 .. 2^53", "$26 0.11e+159.007199254741e+15"),
    ]);
    let mut host = Host::new("7.0.15");
    for (source, want) in [
        ("return {map={a=true}}", "%1 $1 a :1"),
        ("redis.setresp(3) return {map={a=true}}", "%1 $1 a #t"),
        ("redis.setresp(3) return false", "#f"),
        ("return false", "_"),
        ("return {double=1.5}", ",1.5"),
        ("return {big_number='12\\n3'}", "(12 3"),
        ("return {verbatim_string={format='mkd',string='hi'}}", "=6 mkd:hi"),
        ("return {set={a=true}}", "~1 $1 a"),
    ] {
        assert_eq!(run_as(&mut host, source, Protocol::Three, 2_000), want, "{source}");
    }
}

#[test]
fn replies_become_values() {
    check(&[
        ("return redis.call('echo', 'x')", "$1 x"),
        ("return redis.call('echo', 12)", "$2 12"),
        ("return redis.call('echo', 1.5)", "$3 1.5"),
        ("return redis.call('echo', 0.1)", "$19 0.10000000000000001"),
        ("return redis.call('echo', 2^53)", "$16 9007199254740992"),
        ("return redis.call('reply', ':7\\r\\n') + 1", ":8"),
        ("return type(redis.call('reply', '$-1\\r\\n'))", "$7 boolean"),
        ("return type(redis.call('reply', '*-1\\r\\n'))", "$7 boolean"),
        ("return redis.call('reply', '*2\\r\\n:1\\r\\n*1\\r\\n$1\\r\\nx\\r\\n')[2][1]", "$1 x"),
        ("return redis.call('reply', '+OK\\r\\n').ok", "$2 OK"),
        ("return redis.call('reply', '_\\r\\n') == nil", ":1"),
        ("return redis.call('reply', '%1\\r\\n+a\\r\\n:2\\r\\n').map.a", "$-1"),
        ("return redis.call('reply', '%1\\r\\n$1\\r\\na\\r\\n:2\\r\\n').map.a", ":2"),
        ("return redis.call('reply', '~1\\r\\n$1\\r\\na\\r\\n').set.a", ":1"),
        ("return redis.call('reply', ',1.5\\r\\n').double * 2", ":3"),
        ("return redis.call('reply', '#t\\r\\n')", ":1"),
        ("return redis.call('reply', '(12\\r\\n').big_number", "$2 12"),
        ("return redis.call('reply', '=6\\r\\ntxt:hi\\r\\n').verbatim_string.string", "$2 hi"),
        ("return redis.call('protocol')", ":2"),
        ("redis.setresp(3) return redis.call('protocol')", ":3"),
        ("return redis.acl_check_cmd('echo', 'x')", ":1"),
        ("return redis.acl_check_cmd('get', 'x')", "$-1"),
    ]);
}

#[test]
fn errors_in_redis_words() {
    check(&[
        ("return redis.call('fail')", "-WRONGTYPE no script: SHA, on @user_script:1."),
        ("local x = 1\nredis.call('fail')", "-WRONGTYPE no script: SHA, on @user_script:2."),
        ("return redis.pcall('fail')", "-WRONGTYPE no"),
        ("return redis.pcall('fail').err", "$12 WRONGTYPE no"),
        ("return {pcall(redis.call, 'fail')}", "*2 $-1 $12 WRONGTYPE no"),
        ("return select(2, pcall(redis.call, 'fail'))", "$12 WRONGTYPE no"),
        ("error('oops')", "-ERR user_script:1: oops script: SHA, on @user_script:1."),
        ("error({err='MY oops'})", "-MY oops script: SHA, on @user_script:1."),
        (
            "return redis.call()",
            "-ERR Please specify at least one argument for this redis lib call script: SHA, on \
             @user_script:1.",
        ),
        (
            "return redis.call('echo', {})",
            "-ERR Lua redis lib command arguments must be strings or integers script: SHA, on \
             @user_script:1.",
        ),
        (
            "return foo",
            "-ERR user_script:1: Script attempted to access nonexistent global variable 'foo' \
             script: SHA, on @user_script:1.",
        ),
        (
            "foo = 1",
            "-ERR user_script:1: Attempt to modify a readonly table script: SHA, on \
             @user_script:1.",
        ),
        (
            "return 1 +",
            "-ERR Error compiling script (new function): user_script:1: unexpected symbol near \
             '<eof>'",
        ),
        (
            "local x = nil; return x.y",
            "-ERR user_script:1: attempt to index local 'x' (a nil value) script: SHA, on \
             @user_script:1.",
        ),
        (
            "#!lua flags=no-writes\nerror('x')",
            "-ERR user_script:2: x script: SHA, on @user_script:2.",
        ),
        ("#!bad\nreturn 1", "-ERR Unexpected engine in script shebang: #!bad"),
        ("redis.setresp(4)", "-ERR RESP version must be 2 or 3. script: SHA, on @user_script:1."),
        (
            "redis.acl_check_cmd('nosuch')",
            "-ERR Invalid command passed to redis.acl_check_cmd() script: SHA, on @user_script:1.",
        ),
    ]);
}

#[test]
fn json() {
    check(&[
        ("return cjson.encode({1, 'a', true, cjson.null, {}})", "$20 [1,\"a\",true,null,{}]"),
        ("return cjson.encode({a = 0.1})", "$9 {\"a\":0.1}"),
        ("return cjson.encode('a/\\n\\1\"')", "$15 \"a\\/\\n\\u0001\\\"\""),
        ("return cjson.encode({[1] = 1, [3] = 3})", "$10 [1,null,3]"),
        (
            "return cjson.encode({[1] = 1, [100] = 3})",
            "-ERR user_script:1: Cannot serialise table: excessively sparse array script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.encode(print)",
            "-ERR user_script:1: Script attempted to access nonexistent global variable 'print' script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.encode(pcall)",
            "-ERR user_script:1: Cannot serialise function: type not supported script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.encode(0/0)",
            "-ERR user_script:1: Cannot serialise number: must not be NaN or Inf script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.encode({[true] = 1})",
            "-ERR user_script:1: Cannot serialise boolean: table key must be a number or string script: SHA, on @user_script:1.",
        ),
        ("return cjson.decode('[1, -2.5e2, \"x\", {\"a\": [true, null]}]')[2]", ":-250"),
        ("return cjson.decode('{\"a\": [10, {\"b\": 7}]}').a[2].b", ":7"),
        ("return cjson.decode('[null]')[1] == cjson.null", ":1"),
        (
            "return cjson.decode('\"\\\\u00e9\\\\ud83d\\\\ude00\\\\n\"')",
            "$7 \u{e9}\u{1f600}\n".trim_end(),
        ),
        ("return cjson.decode('[0x10]')[1]", ":16"),
        (
            "return cjson.decode('[1')",
            "-ERR user_script:1: Expected comma or array end but found T_END at character 3 script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.decode('{1}')",
            "-ERR user_script:1: Expected object key string but found T_NUMBER at character 2 script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.decode('x')",
            "-ERR user_script:1: Expected value but found invalid token at character 1 script: SHA, on @user_script:1.",
        ),
        (
            "return cjson.decode(('['):rep(1001))",
            "-ERR user_script:1: Found too many nested data structures (1001) at character 1001 script: SHA, on @user_script:1.",
        ),
        ("return #cjson.decode(('['):rep(1000) .. (']'):rep(1000))", ":1"),
        (
            "local t = {} t[1] = t return cjson.encode(t)",
            "-ERR user_script:1: Cannot serialise, excessive depth (1001) script: SHA, on @user_script:1.",
        ),
        (
            "cjson.encode_max_depth(1e6) local t = {} t[1] = t local ok, e = pcall(cjson.encode, t) cjson.encode_max_depth(1000) return tostring(ok)",
            "$5 false",
        ),
        (
            "cjson.decode_max_depth(1e6) local ok = pcall(cjson.decode, ('['):rep(5e5)) cjson.decode_max_depth(1000) return tostring(ok)",
            "$5 false",
        ),
        (
            "cjson.encode = 1",
            "-ERR user_script:1: Attempt to modify a readonly table script: SHA, on @user_script:1.",
        ),
    ]);
}

#[test]
fn lua_is_lua() {
    check(&[
        ("local n = 0 for i = 1, 1000000 do n = n + i end return n", ":500000500000"),
        ("return ('x'):rep(3) .. ('abc'):upper()", "$6 xxxABC"),
        ("return {string.find('hello', 'l+')}", "*2 :3 :4"),
        ("return {string.match('k=v', '(%w)=(%w)')}", "*2 $1 k $1 v"),
        ("return {string.gsub('hello', 'l', 'L')}", "*2 $5 heLLo :2"),
        ("return (string.gsub('hello', '(h)(e)', '%2%1%0'))", "$7 ehhello"),
        ("return (string.gsub('$a $b', '%$(%w)', {a='1', b=2}))", "$3 1 2"),
        ("return (string.gsub('abc', '%w', function(c) return c .. c end))", "$6 aabbcc"),
        ("return (string.gsub('abc', '', '-'))", "$7 -a-b-c-"),
        (
            "local t = {} for k, v in ('a=1,b=2'):gmatch('(%w)=(%w)') do t[#t+1] = k .. v end return t",
            "*2 $2 a1 $2 b2",
        ),
        ("local t = {3,1,2} table.sort(t) return t", "*3 :1 :2 :3"),
        ("local t = {} for i = 1, 20000 do t[i] = -i end table.sort(t) return t[1]", ":-20000"),
        ("local t = {1,3} table.insert(t, 2, 2) table.remove(t, 1) return t", "*2 :2 :3"),
        ("return table.concat({1,2,3}, ',')", "$5 1,2,3"),
        ("return {unpack({1,2,3}, 2, 3)}", "*2 :2 :3"),
        ("return select('#', unpack({}, 1, 100))", ":100"),
        (
            "local t = {} for i = 1, 7899 do t[i] = 'x' end return redis.call('echo', unpack(t))",
            "$1 x",
        ),
        (
            "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return {co(1), co(5)}",
            "*2 :2 :10",
        ),
        (
            "local ok, e = coroutine.resume(coroutine.create(function() error('x', 0) end)) return {tostring(ok), e}",
            "*2 $5 false $1 x",
        ),
        ("return loadstring('return 1 + 1')()", ":2"),
        (
            "local parts, i = {'return ', '2 + 2'}, 0 return load(function() i = i + 1 return parts[i] end)()",
            ":4",
        ),
        (
            "return select(2, loadstring('return +'))",
            "$49 [string \"return +\"]:1: unexpected symbol near '+'",
        ),
        ("local n = 0 for k in pairs(redis) do n = n + 1 end return n > 10", ":1"),
        ("local n = 0 for k in pairs({1,2,x=3}) do n = n + 1 end return n", ":3"),
        ("return next(redis) ~= nil", ":1"),
        (
            "math.randomseed(1) local a = math.random(1000) math.randomseed(1) return a == math.random(1000)",
            ":1",
        ),
        ("local x = math.random(5, 7) return x >= 5 and x <= 7", ":1"),
        ("return bit.band(0xff, 15) + bit.lshift(1, 4) + bit.bxor(1, 2)", ":34"),
        (
            "return {bit.tobit(2^32 + 1), bit.bnot(0), bit.tohex(-1), bit.rol(0x12345678, 8)}",
            "*4 :1 :-1 $8 ffffffff :878082066",
        ),
        (
            "return tostring(xpcall(function() error({err='X y'}) end, function(e) return e end))",
            "$5 false",
        ),
        (
            "return select(2, xpcall(function() redis.call('fail') end, function(e) return e.err end))",
            "$12 WRONGTYPE no",
        ),
        ("return type(setmetatable({}, {__index = function(t, k) return k end}).abc)", "$6 string"),
        (
            "return tostring(redis.breakpoint()) .. tostring(redis.replicate_commands())",
            "$9 falsetrue",
        ),
    ]);
}

/// Each of these must be refused, be harmless, or end at its limit; what it answers is not the
/// point, unless it is named.
#[test]
fn hostile_scripts() {
    const READONLY: &str = "Attempt to modify a readonly table";
    const KILLED: &str = "Script killed by user with SCRIPT KILL...";
    const MISSING: &str = "nonexistent global variable";
    let cases: &[(&str, &str)] = &[
        // Nothing reaches outside.
        ("return io.open('/etc/passwd')", MISSING),
        ("return os.execute('id')", MISSING),
        ("return package.loadlib('x', 'y')", MISSING),
        ("return debug.getregistry()", MISSING),
        ("return require('os')", MISSING),
        ("return dofile('/etc/passwd')", MISSING),
        ("return loadfile('/etc/passwd')", MISSING),
        ("print('x')", MISSING),
        ("return newproxy(true)", MISSING),
        ("return module('x')", MISSING),
        ("return getfenv(redis.call).os", MISSING),
        ("return getfenv(pcall).io", MISSING),
        ("return getfenv(0).io", MISSING),
        ("return loadstring(string.dump(function() end))()", "attempt to call a nil value"),
        (
            "return load(string.gmatch(string.dump(function() end), '.'))()",
            "attempt to call a nil value",
        ),
        // Bytecode.
        ("return loadstring('\\27Lua\\81\\0\\1\\4\\8\\4\\8\\0')()", "attempt to call a nil value"),
        ("return load(function() return nil end, '\\27')", "$-1"),
        (
            "local n = 0 return load(function() n = n + 1 if n == 1 then return '\\27Lua' end end)",
            "$-1",
        ),
        // Nothing shared can be changed.
        ("redis.call = 1", READONLY),
        ("string.rep = 1", READONLY),
        ("_G.x = 1", READONLY),
        ("KEYS = 1", READONLY),
        ("rawset(_G, 'x', 1)", READONLY),
        ("rawset(redis, 'call', 1)", READONLY),
        ("rawset(getmetatable(_G), '__index', {})", READONLY),
        ("setmetatable(_G, {})", READONLY),
        ("setmetatable(redis, nil)", READONLY),
        ("getmetatable(_G).__index = {}", READONLY),
        ("getmetatable('').__index = {}", READONLY),
        ("setmetatable(getmetatable(''), {})", READONLY),
        ("table.insert(redis, 1)", READONLY),
        ("table.remove(redis)", READONLY),
        ("table.sort(redis)", READONLY),
        ("for k, v in pairs(_G) do rawset(_G, k, nil) end", READONLY),
        ("local f, t = pairs(redis) t.call = 1", READONLY),
        ("setfenv(redis.call, {})", MISSING),
        // Memory.
        ("return string.rep('x', 1e9)", "resulting string too large"),
        ("return string.rep('', 1e18)", "$0"),
        ("return string.rep('x', -1)", "$0"),
        ("local s = 'x' while true do s = s .. s end", "not enough memory"),
        ("local t = {} while true do t[#t + 1] = {} end", ""),
        ("return (string.gsub(('x'):rep(1e3), 'x', ('y'):rep(1e5)))", "resulting string too large"),
        (
            "return table.concat({('x'):rep(6e7), ('x'):rep(6e7), ('x'):rep(6e7)})",
            "not enough memory",
        ),
        ("local s = ('x'):rep(6e7) return #string.format('%q', s .. s)", ""),
        ("return string.format('%99.99f', 1e308)", "$"),
        ("return string.format('%100d', 1)", "invalid format"),
        ("return string.format('%d')", "bad argument"),
        // Stacks.
        ("local function f() return 1 + f() end return f()", "stack overflow"),
        ("local function f() return pcall(f) end return tostring(f())", ""),
        ("local function f(n) return coroutine.wrap(f)(n) end return f(1)", "C stack overflow"),
        (
            "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
            "loop in gettable",
        ),
        (
            "local m = {} m.__index = function(t, k) return setmetatable({}, m)[k] end return setmetatable({}, m).x",
            "stack overflow",
        ),
        ("local function f(s) return (s:gsub('.', f)) end return f('x')", "stack overflow"),
        (
            "local function f(a, b) local t = {2, 1} table.sort(t, f) return a < b end local t = {2, 1} table.sort(t, f)",
            "stack overflow",
        ),
        ("local t = {} t[1] = t return t", "reached lua stack limit"),
        ("return unpack({}, 1, 1e6)", "too many results to unpack"),
        ("return unpack({}, -2147483648, 2147483647)", "too many results to unpack"),
        ("return unpack({}, 2147483646, 2147483647)", "too many results to unpack"),
        ("return unpack({}, 0/0, 0/0)", "too many results to unpack"),
        ("return unpack({}, 1, 2147483648 * 2147483648)", "too many results to unpack"),
        ("return string.byte(('x'):rep(1e6), 1, -1)", "string slice too long"),
        ("return string.char(unpack({}, 1, 5))", "bad argument"),
        ("return string.find(('a'):rep(3e5), ('a?'):rep(3e5))", "pattern too complex"),
        ("return string.find(('a'):rep(3e5), ('(a'):rep(31))", "unfinished capture"),
        ("return string.match('x', ('('):rep(1000))", "too many captures"),
        ("return string.rep('x', 10, 'sep')", "$10"),
        ("local t = {} table.sort(t, function() return true end) return 1", ":1"),
        (
            "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end)",
            "invalid order function",
        ),
        ("return loadstring(('('):rep(1e5))", "$-1"),
        ("return loadstring('return ' .. ('{'):rep(1e4))", "$-1"),
        ("return loadstring(('x'):rep(2e6))", "$-1"),
        ("return select(-2147483648, 1)", "bad argument"),
        // Time: these end because somebody says so.
        ("while true do end", KILLED),
        ("while true do pcall(function() while true do end end) end", KILLED),
        ("while true do pcall(error) end", KILLED),
        (
            "local function f() while true do end end while true do coroutine.resume(coroutine.create(f)) end",
            KILLED,
        ),
        (
            "local function f() while true do end end while true do pcall(coroutine.wrap(f)) end",
            KILLED,
        ),
        (
            "while true do xpcall(function() while true do end end, function() while true do end end) end",
            KILLED,
        ),
        (
            "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
            KILLED,
        ),
        ("return string.find(('a'):rep(40), ('a*'):rep(20) .. 'b')", KILLED),
        ("return string.gsub(('a'):rep(1e5), '(a*)*b', '')", ""),
        ("while true do pcall(string.find, ('a'):rep(40), ('a*'):rep(20) .. 'b') end", KILLED),
        ("while true do redis.pcall('echo', 'x') end", KILLED),
        ("while true do loadstring('return 1') end", KILLED),
        ("local t = {} table.insert(t, -1e18, 1)", "position out of bounds"),
        ("local t = {} table.insert(t, -2147483648, 1)", "position out of bounds"),
        ("load(function() while true do end end)", KILLED),
        ("load(function() return 'x' end)", ""),
        ("for x in string.gmatch(('a'):rep(1e7), '') do end", KILLED),
        // The collector.
        (
            "collectgarbage('stop') collectgarbage('setpause', 1000) return collectgarbage('count') > 0",
            ":1",
        ),
        ("for i = 1, 100 do collectgarbage() loadstring('return ' .. i) end return 1", ":1"),
        (
            "local parts = {} for i = 1, 500 do parts[i] = 'local v' .. i % 100 .. ' = {' .. i .. '} ' end return loadstring(('do end '):rep(1000) .. 'return 7')()",
            ":7",
        ),
        (
            "local t = {} for i = 1, 7999 do t[i] = i end return redis.call(unpack(t))",
            "a script's command has at most 7900 words",
        ),
        ("return redis.call(unpack({}, 1, 5))", "arguments must be strings or integers"),
        ("return coroutine.yield(1)", "attempt to yield"),
        ("return redis.call(coroutine.yield, 1)", "arguments must be strings or integers"),
        (
            "return tostring(setmetatable({}, {__tostring = function() return coroutine.yield() end}))",
            "attempt to yield",
        ),
    ];
    let mut host = Host::new("7.0.15");
    let mut wrong = Vec::new();
    for (source, want) in cases {
        let start = Instant::now();
        let got = run_as(&mut host, source, Protocol::Two, 200);
        let took = start.elapsed();
        let after = run(&mut host, "return 1");
        if !got.contains(want) || took > Duration::from_secs(8) || after != ":1" {
            wrong.push((source, got, want, took, after));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn load(host: &mut Host, code: &str, replace: bool) -> String {
    let deadline = Instant::now() + Duration::from_millis(200);
    let mut go_on = || if Instant::now() < deadline { Ok(()) } else { Err(Killed) };
    match host.load_library(code.as_bytes(), replace, &mut go_on) {
        Ok(name) => name,
        Err(ScriptError(text)) => text,
    }
}

fn call(host: &mut Host, name: &str) -> String {
    let mut out = Vec::new();
    let call = Call { name, keys: vec![b"key"], args: vec![b"a1"] };
    let mut world = World::new(200);
    match host.call_function(&call, &mut world, &mut Reply::new(&mut out, Protocol::Two)) {
        Ok(()) => String::from_utf8_lossy(&out).replace("\r\n", " ").trim().to_owned(),
        Err(ScriptError(text)) => format!("-{text}"),
    }
}

#[test]
fn libraries() {
    let mut host = Host::new("7.0.15");
    let code = "#!lua name=one\nlocal count, saved = 0\nredis.register_function('f', function(keys, args) saved = saved or redis.call count = count + 1 return {saved('echo', keys[1]), args[1], count} end)";
    assert_eq!(load(&mut host, code, false), "one");
    assert_eq!(call(&mut host, "F"), "*3 $3 key $2 a1 :1", "names of functions have no case");
    assert_eq!(
        call(&mut host, "f"),
        "*3 $3 key $2 a1 :2",
        "an upvalue and a saved redis.call live on"
    );
    assert_eq!(load(&mut host, code, false), "ERR Library 'one' already exists");
    assert_eq!(load(&mut host, code, true), "one");
    let mut wrong = Vec::new();
    for (code, want) in [
        ("#!lua name=two\nreturn 1", "ERR No functions registered"),
        (
            "#!lua name=two\nredis.register_function('f', function() end)",
            "ERR Function f already exists",
        ),
        (
            "#!lua name=two\nredis.call('x')",
            "attempted to access nonexistent global variable 'call'",
        ),
        (
            "#!lua name=two\nreturn math.random()",
            "attempted to access nonexistent global variable 'math'",
        ),
        ("#!lua name=two\nx = 1", "Attempt to modify a readonly table"),
        (
            "#!lua name=two\nwhile true do end",
            "ERR Error registering functions: ERR FUNCTION LOAD timeout",
        ),
        (
            "#!lua name=two\nreturn +",
            "ERR Error compiling function: user_function:2: unexpected symbol near '+'",
        ),
        (
            "#!lua name=two\nredis.register_function{function_name='g', callback=function() end, flags={'x'}}",
            "unknown flag given",
        ),
        (
            "#!lua name=two\nredis.register_function('g-', function() end)",
            "Library names can only contain",
        ),
        (
            "#!lua name=two\nredis.register_function{function_name='g', description='d', callback=function() error('x') end, flags={'no-writes'}}",
            "two",
        ),
    ] {
        let got = load(&mut host, code, false);
        if !got.contains(want) {
            wrong.push((code, got, want));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(call(&mut host, "g"), "-ERR user_function:2: x script: g, on @user_function:2.");
    assert!(host.find_function(b"g").is_some_and(|found| found.flags.no_writes));
    assert_eq!((host.libraries().len(), host.functions()), (2, 2));
    assert!(host.delete_library(b"one"));
    assert!(!host.delete_library(b"one"));
    assert!(host.find_function(b"f").is_none());
    host.flush_libraries();
    assert_eq!((host.libraries().len(), host.functions()), (0, 0));
    assert_eq!(load(&mut host, code, false), "one");
    assert_eq!(call(&mut host, "f"), "*3 $3 key $2 a1 :1");
}
