//! The Lua state: no library that reaches outside, globals from `prelude.lua`, a hook that asks
//! whether to go on, and a limit on memory.

use crate::convert::{self, kind};
use crate::failure;
use crate::random::Sequence;
use mlua::chunk::ChunkMode;
use mlua::{Function, HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};
use resp::Span;
use sha1::{Digest, Sha1};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that Lua may hold, cached scripts and libraries included.
const MEMORY_BYTES_MAX: usize = 256 << 20;
/// Words of one command: what a function of Lua 5.1 takes, with some room to work.
const WORDS_MAX: usize = 7_900;
/// Arguments of any other function of the host.
const ARGUMENTS_MAX: usize = 1_000;
/// Longest source.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;
/// Instructions between two ticks: about a quarter of a millisecond.
const INSTRUCTIONS: u32 = 10_000;
/// How a killed script ends.
pub const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// What a run puts into the state's table for its time.
pub const ENTRY: &str = "entry";
/// As [`ENTRY`], asked by the hook.
pub const TICK: &str = "tick";
/// As [`ENTRY`], while a library loads.
pub const REGISTER: &str = "register";

/// What the static functions ask of the running script's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ask {
    /// redis.call
    Call,
    /// redis.pcall
    ProtectedCall,
    /// redis.log
    Log,
    /// redis.setresp
    SetProtocol,
    /// redis.set_repl
    SetReplication,
    /// redis.acl_check_cmd
    Allows,
}

impl Ask {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Call, "call"),
        (Self::ProtectedCall, "pcall"),
        (Self::Log, "log"),
        (Self::SetProtocol, "setresp"),
        (Self::SetReplication, "set_repl"),
        (Self::Allows, "acl_check_cmd"),
    ];

    /// The request with this number.
    pub fn from_number(number: u8) -> Self {
        Self::ALL[usize::from(number)].0
    }

    fn takes_words(self) -> bool {
        matches!(self, Self::Call | Self::ProtectedCall | Self::Allows)
    }

    fn outside(self, name: &str) -> String {
        match self {
            Self::Call | Self::ProtectedCall => {
                "ERR redis.call/pcall can only be called inside a script invocation".into()
            }
            _ => format!("ERR redis.{name} can only be called inside a script invocation"),
        }
    }
}

/// The two kinds of scripts have globals of their own.
pub struct Environment {
    /// What a script has as its globals; stays empty.
    pub env: Table,
    /// What is found through it.
    pub globals: Table,
    /// The metatable of `env`.
    pub meta: Table,
}

/// A state and the parts of it that the host works with.
pub struct Sandbox {
    /// The state.
    pub lua: Lua,
    /// Shared with the prelude.
    pub state: Table,
    /// The words of the command that runs.
    pub words: SharedWords,
    /// Runs a function and finds the place of an error.
    pub run: Function,
    /// For EVAL.
    pub eval: Environment,
    /// For functions.
    pub functions: Environment,
    /// What a library sees while it loads.
    pub loading: Table,
}

/// A function that scripts see. A script may call it with more values than the host can hold.
pub fn function<R: mlua::IntoLuaMulti>(
    lua: &Lua,
    run: impl Fn(&Lua, &MultiValue) -> mlua::Result<R> + Send + 'static,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, values: MultiValue| match values.len() {
        0..=ARGUMENTS_MAX => run(lua, &values),
        _ => {
            drop(values);
            Err(failure::reply("ERR too many arguments"))
        }
    })
}

const STATE: &str = "larder.state";

fn state_of(lua: &Lua) -> mlua::Result<Table> {
    lua.named_registry_value(STATE)
}

/// Asks whether to go on; `false` for a script that must end.
pub fn tick(lua: &Lua) -> bool {
    let asked = || -> mlua::Result<bool> {
        match state_of(lua)?.raw_get(TICK)? {
            Value::Function(tick) => tick.call(()),
            _ => Ok(true),
        }
    };
    // Only a host that is gone, or has no memory left, does not answer.
    asked().unwrap_or(false)
}

/// Compiles a source. The collector stands still meanwhile: the parser of Lua 5.1 does not hold
/// all its values where the collector sees them (CVE-2025-49844).
pub fn compile(lua: &Lua, source: &[u8], name: &str, env: &Table) -> Result<Function, String> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(format!("the source is longer than {SOURCE_BYTES_MAX} bytes"));
    }
    lua.gc_stop();
    let chunk = lua.load(source).set_name(name).set_mode(ChunkMode::Text);
    let function = chunk.set_environment(env.clone()).into_function();
    lua.gc_restart();
    function.map_err(|error| failure::plain(&error))
}

impl Sandbox {
    /// A new state; scripts are told that they run on `version`, such as `7.0.15`.
    pub fn new(version: &str) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
        let words = SharedWords::default();
        let host = host_table(&lua, &words, version)?;
        let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
        let parts: Table = prelude.set_mode(ChunkMode::Text).call(host)?;
        let state: Table = parts.raw_get("state")?;
        lua.set_named_registry_value(STATE, &state)?;
        // What the prelude leaves behind would stay until scripts have made as much again.
        lua.gc_collect()?;
        lua.set_memory_limit(MEMORY_BYTES_MAX)?;
        let triggers = HookTriggers::new().every_nth_instruction(INSTRUCTIONS);
        lua.set_global_hook(triggers, |lua, _| {
            if tick(lua) { Ok(VmState::Continue) } else { Err(failure::reply(KILLED)) }
        })?;
        let environment = |name: &str| -> mlua::Result<Environment> {
            let parts: Table = parts.raw_get(name)?;
            Ok(Environment {
                env: parts.raw_get("env")?,
                globals: parts.raw_get("globals")?,
                meta: parts.raw_get("meta")?,
            })
        };
        Ok(Self {
            run: parts.raw_get("run")?,
            loading: parts.raw_get("loading")?,
            eval: environment("eval")?,
            functions: environment("functions")?,
            state,
            words,
            lua,
        })
    }
}

fn host_table(lua: &Lua, words: &SharedWords, version: &str) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    host.raw_set("version", version)?;
    host.raw_set("version_number", version_number(version))?;
    host.raw_set("source_bytes_max", SOURCE_BYTES_MAX)?;
    host.raw_set("bit", crate::bits::table(lua)?)?;
    host.raw_set("cjson", crate::json::table(lua)?)?;
    host.raw_set("cmsgpack", crate::msgpack::table(lua)?)?;
    for (number, (ask, name)) in (0u8..).zip(Ask::ALL) {
        host.raw_set(name, indirect(lua, words, number, (ask, name))?)?;
    }
    host.raw_set("register_function", register_function(lua)?)?;
    host.raw_set("sha1hex", function(lua, sha1hex)?)?;
    host.raw_set("die", lua.create_function(|_, ()| Err::<(), _>(failure::reply(KILLED)))?)?;
    host.raw_set("visible", lua.create_function(visible)?)?;
    host.raw_set("placed", lua.create_function(placed)?)?;
    host.raw_set("compile", lua.create_function(load)?)?;
    let sequence = Arc::new(Mutex::new(Sequence::default()));
    let seeded = Arc::clone(&sequence);
    let lock = |sequence: &Mutex<Sequence>| -> f64 {
        sequence.lock().unwrap_or_else(PoisonError::into_inner).next()
    };
    host.raw_set("random", lua.create_function(move |_, ()| Ok(lock(&sequence)))?)?;
    let seed = lua.create_function(move |_, seed: f64| {
        seeded.lock().unwrap_or_else(PoisonError::into_inner).seed(seed as i64 as i32);
        Ok(())
    })?;
    host.raw_set("randomseed", seed)?;
    crate::text::register(lua, &host)?;
    Ok(host)
}

fn version_number(version: &str) -> u32 {
    let parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    parts.take(3).fold(0, |number, part| number << 8 | part)
}

/// The words of one command and its reply, on their way between Lua and the host. They do not go
/// over the stack of Lua a second time: it has room for as many as one command may have.
#[derive(Default)]
pub struct Words {
    /// The words, one behind the other.
    pub bytes: Vec<u8>,
    /// Where each of them lies.
    pub spans: Vec<Span>,
    /// The reply.
    pub reply: Vec<u8>,
}

/// Shared by the functions that scripts see and the host that answers.
pub type SharedWords = Arc<Mutex<Words>>;

/// The words; nothing panics while it holds them.
pub fn lock(words: &SharedWords) -> MutexGuard<'_, Words> {
    words.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Words {
    fn pack(&mut self, values: &MultiValue) -> Result<(), &'static str> {
        self.bytes.clear();
        self.spans.clear();
        self.reply.clear();
        if values.is_empty() {
            return Err("ERR Please specify at least one argument for this redis lib call");
        }
        for value in values {
            let start = self.bytes.len();
            convert::push_word(value, &mut self.bytes)
                .ok_or("ERR Lua redis lib command arguments must be strings or integers")?;
            let len = self.bytes.len() - start;
            self.spans.push(Span { start: start as u32, len: len as u32 });
        }
        if self.bytes.len() > u32::MAX as usize {
            return Err("ERR the command is too long");
        }
        Ok(())
    }
}

/// A function for ever, which does what the running script's host says.
fn indirect(
    lua: &Lua,
    words: &SharedWords,
    number: u8,
    (ask, name): (Ask, &'static str),
) -> mlua::Result<Function> {
    let words = Arc::clone(words);
    lua.create_function(move |lua, mut values: MultiValue| {
        if values.len() > WORDS_MAX {
            let text = format!("ERR a script's command has at most {WORDS_MAX} words");
            return Err(failure::reply(text));
        }
        match state_of(lua)?.raw_get(ENTRY)? {
            Value::Function(entry) if ask.takes_words() => {
                if let Err(text) = lock(&words).pack(&values) {
                    let error = failure::reply(text);
                    return match ask {
                        Ask::ProtectedCall => failure::visible(lua, &error),
                        _ => Err(error),
                    };
                }
                drop(values);
                entry.call::<Value>(i64::from(number))
            }
            Value::Function(entry) => {
                values.push_front(Value::Integer(i64::from(number)));
                entry.call::<Value>(values)
            }
            _ => Err(failure::reply(ask.outside(name))),
        }
    })
}

fn register_function(lua: &Lua) -> mlua::Result<Function> {
    lua.create_function(|lua, values: MultiValue| match state_of(lua)?.raw_get(REGISTER)? {
        Value::Function(register) => register.call::<()>(values),
        _ => Err(failure::reply(
            "ERR redis.register_function can only be called on FUNCTION LOAD command",
        )),
    })
}

fn sha1hex(_: &Lua, values: &MultiValue) -> mlua::Result<String> {
    if values.len() != 1 {
        return Err(failure::reply("ERR wrong number of arguments"));
    }
    let mut bytes = Vec::new();
    // Anything but a text or number counts as empty.
    let _ = convert::push_word(&values[0], &mut bytes);
    Ok(crate::host::hex(&Sha1::digest(&bytes).into()))
}

fn visible(lua: &Lua, value: Value) -> mlua::Result<Value> {
    match value {
        Value::Error(error) => failure::visible(lua, &error),
        Value::String(text) => match prelude_error(&text.as_bytes()) {
            Some(rest) => Ok(Value::String(lua.create_string(rest)?)),
            None => Ok(Value::String(text.clone())),
        },
        other => Ok(other),
    }
}

fn load(lua: &Lua, (source, name, env): (Value, Value, Table)) -> mlua::Result<(Value, Value)> {
    let Some(source) = lua.coerce_string(source.clone())? else {
        let text =
            format!("bad argument #1 to 'loadstring' (string expected, got {})", kind(&source));
        return Err(failure::at_caller(lua, &text));
    };
    let name = match lua.coerce_string(name)? {
        Some(name) => name.to_string_lossy(),
        None => source.to_string_lossy(),
    };
    Ok(match compile(lua, &source.as_bytes(), &name.replace('\0', " "), &env) {
        Ok(function) => (Value::Function(function), Value::Nil),
        Err(text) => (Value::Nil, Value::String(lua.create_string(text)?)),
    })
}

/// The error as a table with the place of the script's own code that it came from.
fn placed(lua: &Lua, error: Value) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let place = (1..).map_while(|level| frame(lua, level)).flatten().next();
    let error = match error {
        Value::Error(error) => failure::visible(lua, &error)?,
        other => other,
    };
    let text = match error {
        Value::Table(error) => error.raw_get("err").unwrap_or(Value::Nil),
        Value::String(text) => {
            let text = text.as_bytes();
            let whose = match (prelude_error(&text), &place) {
                (Some(_), Some((source, line))) => {
                    let source = source.strip_prefix(b"@").unwrap_or(source);
                    [source, format!(":{line}: ").as_bytes()].concat()
                }
                _ => Vec::new(),
            };
            let text = prelude_error(&text).unwrap_or(&text);
            Value::String(lua.create_string([b"ERR ", &*whose, text].concat())?)
        }
        other => Value::String(lua.create_string(format!("ERR {}", other.to_string()?))?),
    };
    table.raw_set("err", text)?;
    if let Some((source, line)) = place {
        table.raw_set("source", lua.create_string(source)?)?;
        table.raw_set("line", line)?;
    }
    Ok(table)
}

/// Source and line of a function on the stack; `Some(None)` for one that is not the script's.
fn frame(lua: &Lua, level: usize) -> Option<Option<(Vec<u8>, usize)>> {
    lua.inspect_stack(level, |debug| {
        let source = debug.source();
        let name = source.source?.into_owned().into_bytes();
        let is_own = source.what != "C" && source.what != "tail" && name != b"=prelude";
        let line = debug.current_line()?;
        is_own.then_some((name, line))
    })
}

/// A text that Lua's library raised inside the prelude, without its place there.
fn prelude_error(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"prelude:")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].strip_prefix(b": ")
}
