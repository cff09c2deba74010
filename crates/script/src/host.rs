//! The host: scripts by digest, and running them for a [`Caller`].

use crate::convert::{self, Replied};
use crate::library::Libraries;
use crate::sandbox::{self, Ask, ENTRY, Sandbox, TICK, Words};
use crate::{ScriptError, ScriptFlags, failure, shebang};
use mlua::{Function, Lua, MultiValue, Table, Value};
use resp::{Args, Protocol, Reply};
use sha1::{Digest, Sha1};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// The script must end: somebody killed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Killed;

/// What a running script needs of the world.
pub trait Caller {
    /// Runs one command and appends its reply, as `protocol` has it, to `out`.
    fn call(&mut self, words: Args<'_>, protocol: Protocol, out: &mut Vec<u8>);
    /// Called every fraction of a millisecond.
    ///
    /// # Errors
    /// [`Killed`] ends the script.
    fn tick(&mut self) -> Result<(), Killed>;
    /// redis.log: level 0 (debug) to 3 (warning).
    fn log(&mut self, level: u8, text: &[u8]);
    /// redis.set_repl: 1 for the file, 2 for replicas, 3 for both.
    fn set_replication(&mut self, targets: u8);
    /// redis.acl_check_cmd: may the user run this? `None` when there is no such command.
    fn allows(&mut self, words: Args<'_>) -> Option<bool>;
}

/// One invocation.
#[derive(Debug, Clone)]
pub struct Call<'c> {
    /// Digest of a script or name of a function, for errors.
    pub name: &'c str,
    /// Keys.
    pub keys: Vec<&'c [u8]>,
    /// Other arguments.
    pub args: Vec<&'c [u8]>,
}

/// A script in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// What its first line says.
    pub flags: ScriptFlags,
    /// Bytes of its source.
    pub source_bytes: usize,
}

/// SHA-1 of a source.
#[must_use]
pub fn digest(source: &[u8]) -> [u8; 20] {
    Sha1::digest(source).into()
}

/// 40 lower-case digits.
#[must_use]
pub fn hex(digest: &[u8; 20]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lua, its scripts and its libraries. The state is made when it is first needed.
pub struct Host {
    version: &'static str,
    sandbox: Option<Sandbox>,
    scripts: HashMap<String, Script>,
    source_bytes: usize,
    runs: u32,
    pub(crate) libraries: Libraries,
}

impl Host {
    /// A host that tells scripts it is Redis `version`.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        Self {
            version,
            sandbox: None,
            scripts: HashMap::new(),
            source_bytes: 0,
            runs: 0,
            libraries: Libraries::default(),
        }
    }

    /// Bytes that Lua holds.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.sandbox.as_ref().map_or(0, |sandbox| sandbox.lua.used_memory())
    }

    /// Cached scripts, and the bytes of their sources.
    #[must_use]
    pub fn cached(&self) -> (usize, usize) {
        (self.scripts.len(), self.source_bytes)
    }

    /// The script with this digest, in lower-case digits.
    #[must_use]
    pub fn find(&self, sha: &str) -> Option<Script> {
        self.scripts.get(sha).copied()
    }

    /// Forgets all scripts of EVAL.
    pub fn flush_scripts(&mut self) {
        self.scripts.clear();
        self.source_bytes = 0;
        if let Some(sandbox) = &self.sandbox {
            // A table that cannot be made for lack of memory leaves functions nobody finds.
            if let Ok(empty) = sandbox.lua.create_table() {
                let _ = sandbox.state.raw_set("scripts", empty);
            }
            let _ = sandbox.lua.gc_collect();
        }
    }

    /// Compiles a script of EVAL and keeps it under its digest, in lower-case digits.
    ///
    /// # Errors
    /// A bad first line, or an error of the compiler.
    pub fn load(&mut self, source: &[u8]) -> Result<(String, Script), ScriptError> {
        let sha = hex(&digest(source));
        if let Some(script) = self.find(&sha) {
            return Ok((sha, script));
        }
        let (flags, rest) = shebang::script(source)?;
        let sandbox = self.sandbox()?;
        let compiled = sandbox::compile(&sandbox.lua, rest, "@user_script", &sandbox.eval.env);
        let stored = compiled.and_then(|function| {
            let kept = scripts(sandbox).and_then(|table| table.raw_set(&*sha, function));
            kept.map_err(|error| failure::plain(&error))
        });
        stored.map_err(|why| {
            ScriptError(format!("ERR Error compiling script (new function): {why}"))
        })?;
        let script = Script { flags, source_bytes: source.len() };
        self.source_bytes += source.len();
        self.scripts.insert(sha.clone(), script);
        Ok((sha, script))
    }

    /// Runs a cached script, whose digest is the call's name, and writes its reply.
    ///
    /// # Errors
    /// The script's error, with its place.
    pub fn eval(
        &mut self,
        call: &Call<'_>,
        caller: &mut dyn Caller,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptError> {
        let sandbox = self.sandbox()?;
        let function = scripts(sandbox).and_then(|table| table.raw_get(call.name));
        let function = function.map_err(|error| broken(&error))?;
        let run = Run::new(sandbox, call, caller);
        let ran = run.run(&function, true, reply);
        self.collect_sometimes();
        ran
    }

    /// Runs a function of a library and writes its reply.
    ///
    /// # Errors
    /// The function's error, with its place; there is no such function.
    pub fn call_function(
        &mut self,
        call: &Call<'_>,
        caller: &mut dyn Caller,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptError> {
        let sandbox = self.sandbox()?;
        let function =
            functions(sandbox).and_then(|table| table.raw_get(crate::library::key(call.name)));
        let function = function.map_err(|error| broken(&error))?;
        let run = Run::new(sandbox, call, caller);
        let ran = run.run(&function, false, reply);
        self.collect_sometimes();
        ran
    }

    pub(crate) fn sandbox(&mut self) -> Result<&Sandbox, ScriptError> {
        if self.sandbox.is_none() {
            let sandbox = Sandbox::new(self.version).map_err(|error| broken(&error))?;
            self.sandbox = Some(sandbox);
        }
        Ok(self.sandbox.as_ref().expect("it was just made"))
    }

    /// A step of the collector now and then, as in Redis, so that scripts without garbage of their
    /// own do not let that of others lie.
    fn collect_sometimes(&mut self) {
        self.runs += 1;
        if self.runs.is_multiple_of(50)
            && let Some(sandbox) = &self.sandbox
        {
            let _ = sandbox.lua.gc_step();
        }
    }
}

fn kept(sandbox: &Sandbox, name: &str) -> mlua::Result<Table> {
    if let Value::Table(table) = sandbox.state.raw_get(name)? {
        return Ok(table);
    }
    let table = sandbox.lua.create_table()?;
    sandbox.state.raw_set(name, &table)?;
    Ok(table)
}

fn scripts(sandbox: &Sandbox) -> mlua::Result<Table> {
    kept(sandbox, "scripts")
}

/// Functions of libraries by name.
pub(crate) fn functions(sandbox: &Sandbox) -> mlua::Result<Table> {
    kept(sandbox, "functions")
}

/// An error of the host itself.
pub(crate) fn broken(error: &mlua::Error) -> ScriptError {
    ScriptError(format!("ERR {}", failure::plain(error)))
}

/// A running script.
struct Run<'r> {
    sandbox: &'r Sandbox,
    call: &'r Call<'r>,
    caller: RefCell<&'r mut dyn Caller>,
    protocol: Cell<Protocol>,
    killed: Cell<bool>,
}

impl<'r> Run<'r> {
    fn new(sandbox: &'r Sandbox, call: &'r Call<'r>, caller: &'r mut dyn Caller) -> Self {
        Self {
            sandbox,
            call,
            caller: RefCell::new(caller),
            protocol: Cell::new(Protocol::Two),
            killed: Cell::new(false),
        }
    }

    fn run(
        &self,
        function: &Function,
        is_eval: bool,
        reply: &mut Reply<'_>,
    ) -> Result<(), ScriptError> {
        let start = reply.position();
        let sandbox = self.sandbox;
        let state = &sandbox.state;
        let ran = sandbox.lua.scope(|scope| {
            let entry =
                scope.create_function(|lua, values: MultiValue| self.entry(lua, &values))?;
            let tick = scope.create_function(|_, ()| Ok(self.tick()))?;
            state.raw_set(ENTRY, entry)?;
            state.raw_set(TICK, tick)?;
            let keys =
                sandbox.lua.create_sequence_from(self.call.keys.iter().map(|key| lua_text(key)))?;
            let args =
                sandbox.lua.create_sequence_from(self.call.args.iter().map(|arg| lua_text(arg)))?;
            if is_eval {
                sandbox.eval.globals.raw_set("KEYS", &keys)?;
                sandbox.eval.globals.raw_set("ARGV", &args)?;
            }
            let (good, value): (bool, Value) = sandbox.run.call((function, keys, args))?;
            if good {
                convert::write(&value, self.protocol.get(), reply)?;
                return Ok(Ok(()));
            }
            Ok(Err(self.error(&value)?))
        });
        let reset = self.reset(is_eval);
        let ran = ran.map_err(|error| broken(&error)).and_then(|ran| ran);
        let ran = ran.and_then(|()| reset.map_err(|error| broken(&error)));
        if ran.is_err() {
            reply.rewind(start);
        }
        ran
    }

    fn reset(&self, is_eval: bool) -> mlua::Result<()> {
        let state = &self.sandbox.state;
        state.raw_set(ENTRY, false)?;
        state.raw_set(TICK, false)?;
        state.raw_set("killed", false)?;
        if is_eval {
            self.sandbox.eval.globals.raw_set("KEYS", Value::Nil)?;
            self.sandbox.eval.globals.raw_set("ARGV", Value::Nil)?;
        }
        Ok(())
    }

    fn error(&self, value: &Value) -> mlua::Result<ScriptError> {
        let name = self.call.name;
        let Value::Table(table) = value else {
            let text = match value {
                Value::String(text) => text.to_string_lossy(),
                Value::Error(error) => failure::plain(error),
                _ => "execution failure".into(),
            };
            return Ok(ScriptError(format!("ERR Error running script {name}, {text}")));
        };
        let mut text = match table.raw_get("err")? {
            Value::String(text) => text.to_string_lossy(),
            _ => "ERR unknown error".into(),
        };
        if let (Value::String(source), Some(line)) =
            (table.raw_get("source")?, table.raw_get::<Value>("line")?.as_i64())
        {
            text += &format!(" script: {name}, on {}:{line}.", source.to_string_lossy());
        }
        Ok(ScriptError(text))
    }

    fn tick(&self) -> bool {
        // While a command runs there is nothing to ask.
        let Ok(mut caller) = self.caller.try_borrow_mut() else { return true };
        if self.killed.get() || caller.tick().is_err() {
            self.killed.set(true);
            // The field is there already, so this takes no memory.
            let _ = self.sandbox.state.raw_set("killed", true);
        }
        !self.killed.get()
    }

    fn entry(&self, lua: &Lua, values: &MultiValue) -> mlua::Result<Value> {
        let ask = values.front().and_then(Value::as_i64).unwrap_or(0);
        match Ask::from_number(ask as u8) {
            Ask::Call => self.command(lua, true),
            Ask::ProtectedCall => self.command(lua, false),
            Ask::Allows => self.allows(),
            Ask::Log => self.log(values),
            Ask::SetProtocol => self.set_protocol(values),
            Ask::SetReplication => self.set_replication(values),
        }
    }

    fn command(&self, lua: &Lua, raises: bool) -> mlua::Result<Value> {
        let mut words = sandbox::lock(&self.sandbox.words);
        let Words { bytes, spans, reply } = &mut *words;
        self.caller.borrow_mut().call(Args::new(bytes, spans), self.protocol.get(), reply);
        let mut replied = Replied::new(reply);
        if raises && let Some(text) = replied.error() {
            return Err(failure::reply(String::from_utf8_lossy(text)));
        }
        replied.value(lua)
    }

    fn allows(&self) -> mlua::Result<Value> {
        let words = sandbox::lock(&self.sandbox.words);
        match self.caller.borrow_mut().allows(Args::new(&words.bytes, &words.spans)) {
            Some(allowed) => Ok(Value::Boolean(allowed)),
            None => Err(failure::reply("ERR Invalid command passed to redis.acl_check_cmd()")),
        }
    }

    fn log(&self, values: &MultiValue) -> mlua::Result<Value> {
        if values.len() < 3 {
            return Err(failure::reply("ERR redis.log() requires two arguments or more."));
        }
        let Some(level) = convert::number(&values[1]) else {
            return Err(failure::reply("ERR First argument must be a number (log level)."));
        };
        if !(0.0..4.0).contains(&level) {
            return Err(failure::reply("ERR Invalid debug level."));
        }
        let mut text = Vec::new();
        for value in values.iter().skip(2) {
            let start = text.len();
            if start > 0 {
                text.push(b' ');
            }
            if convert::push_word(value, &mut text).is_none() {
                text.truncate(start);
            }
        }
        self.caller.borrow_mut().log(level as u8, &text);
        Ok(Value::Nil)
    }

    fn set_protocol(&self, values: &MultiValue) -> mlua::Result<Value> {
        if values.len() != 2 {
            return Err(failure::reply("ERR redis.setresp() requires one argument."));
        }
        self.protocol.set(match convert::number(&values[1]).map(|number| number as i64) {
            Some(2) => Protocol::Two,
            Some(3) => Protocol::Three,
            _ => return Err(failure::reply("ERR RESP version must be 2 or 3.")),
        });
        Ok(Value::Nil)
    }

    fn set_replication(&self, values: &MultiValue) -> mlua::Result<Value> {
        if values.len() != 2 {
            return Err(failure::reply("ERR redis.set_repl() requires two arguments."));
        }
        match convert::number(&values[1]) {
            Some(targets) if (0.0..4.0).contains(&targets) => {
                self.caller.borrow_mut().set_replication(targets as u8);
                Ok(Value::Nil)
            }
            _ => Err(failure::reply(
                "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            )),
        }
    }
}

/// Bytes as a Lua text.
struct LuaBytes<'b>(&'b [u8]);

fn lua_text(bytes: &[u8]) -> LuaBytes<'_> {
    LuaBytes(bytes)
}

impl mlua::IntoLua for LuaBytes<'_> {
    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        Ok(Value::String(lua.create_string(self.0)?))
    }
}
