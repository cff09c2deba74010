//! Libraries of functions: loading them, listing them, taking them away.

use crate::host::{Host, Killed, broken, functions};
use crate::sandbox::{self, REGISTER, Sandbox, TICK};
use crate::shebang::{self, ScriptFlags};
use crate::{ScriptError, failure};
use mlua::{Lua, MultiValue, Table, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A function of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name, unique in the node.
    pub name: String,
    /// What it says about itself.
    pub description: Option<Vec<u8>>,
    /// What it is allowed and promises.
    pub flags: ScriptFlags,
}

/// A loaded library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its name.
    pub name: String,
    /// Its source, with the first line.
    pub code: Vec<u8>,
    /// Its functions in the order of their names.
    pub functions: Vec<Function>,
}

/// All libraries by name, and all functions by their names in lower case.
#[derive(Debug, Default)]
pub struct Libraries {
    by_name: BTreeMap<String, Library>,
    functions: BTreeMap<String, Function>,
}

/// What becomes of libraries that are there when others are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// They go.
    Flush,
    /// They stay; a name that is taken ends the restoring.
    Append,
    /// They stay, unless a restored one has their name.
    Replace,
}

/// A function as a loading library has registered it.
struct Registered {
    function: Function,
    callback: mlua::Function,
}

/// A library that is compiled and may be linked.
struct Prepared {
    library: Library,
    callbacks: Vec<mlua::Function>,
}

/// What finds a function: Redis does not look at the case of their names.
pub(crate) fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn error(text: impl Into<String>) -> ScriptError {
    ScriptError(format!("ERR {}", text.into()))
}

impl Host {
    /// All libraries in the order of their names.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Library> {
        self.libraries.by_name.values()
    }

    /// Number of functions in all libraries.
    #[must_use]
    pub fn functions(&self) -> usize {
        self.libraries.functions.len()
    }

    /// A function by its name in any case.
    #[must_use]
    pub fn find_function(&self, name: &[u8]) -> Option<&Function> {
        self.libraries.functions.get(&key(std::str::from_utf8(name).ok()?))
    }

    /// Loads a library; returns its name. `go_on` ends a loading that takes too long.
    ///
    /// # Errors
    /// A bad first line, source, registration, or a name that is taken.
    pub fn load_library(
        &mut self,
        code: &[u8],
        replace: bool,
        go_on: &mut dyn FnMut() -> Result<(), Killed>,
    ) -> Result<String, ScriptError> {
        let (name, source) = shebang::library(code)?;
        let old = self.libraries.by_name.get(&name);
        if old.is_some() && !replace {
            return Err(error(format!("Library '{name}' already exists")));
        }
        let own = |function: &str| {
            old.is_some_and(|old| old.functions.iter().any(|one| key(&one.name) == function))
        };
        let own: Vec<String> =
            self.libraries.functions.keys().filter(|name| own(name)).cloned().collect();
        let prepared = prepare(self.sandbox()?, &name, source, code, go_on)?;
        if prepared.library.functions.is_empty() {
            return Err(error("No functions registered"));
        }
        for Function { name, .. } in &prepared.library.functions {
            if self.libraries.functions.contains_key(&key(name)) && !own.contains(&key(name)) {
                return Err(error(format!("Function {name} already exists")));
            }
        }
        self.delete_library(name.as_bytes());
        self.link(prepared).map_err(|error| broken(&error))?;
        Ok(name)
    }

    /// Loads all of `codes`, or none of them.
    ///
    /// # Errors
    /// As [`Host::load_library`].
    pub fn restore_libraries(
        &mut self,
        codes: &[Vec<u8>],
        policy: Restore,
        go_on: &mut dyn FnMut() -> Result<(), Killed>,
    ) -> Result<(), ScriptError> {
        let mut all: Vec<Prepared> = Vec::new();
        for code in codes {
            let (name, source) = shebang::library(code)?;
            if all.iter().any(|one| one.library.name == name) {
                return Err(error(format!("Library '{name}' already exists")));
            }
            let prepared = prepare(self.sandbox()?, &name, source, code, go_on)?;
            if prepared.library.functions.is_empty() {
                return Err(error("No functions registered"));
            }
            all.push(prepared);
        }
        self.check_restored(&all, policy)?;
        if policy == Restore::Flush {
            self.flush_libraries();
        }
        for prepared in all {
            self.delete_library(prepared.library.name.as_bytes());
            self.link(prepared).map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    fn check_restored(&self, all: &[Prepared], policy: Restore) -> Result<(), ScriptError> {
        let stays = |library: &&Library| match policy {
            Restore::Flush => false,
            Restore::Append => true,
            Restore::Replace => !all.iter().any(|one| one.library.name == library.name),
        };
        let mut names: Vec<String> = Vec::new();
        for library in self.libraries.by_name.values().filter(stays) {
            if all.iter().any(|one| one.library.name == library.name) {
                return Err(error(format!("Library {} already exists", library.name)));
            }
            names.extend(library.functions.iter().map(|function| key(&function.name)));
        }
        for function in all.iter().flat_map(|one| &one.library.functions) {
            if names.contains(&key(&function.name)) {
                return Err(error(format!("Function {} already exists", function.name)));
            }
            names.push(key(&function.name));
        }
        Ok(())
    }

    fn link(&mut self, prepared: Prepared) -> mlua::Result<()> {
        let Prepared { library, callbacks } = prepared;
        if let Ok(sandbox) = self.sandbox() {
            let table = functions(sandbox)?;
            for (function, callback) in library.functions.iter().zip(callbacks) {
                table.raw_set(key(&function.name), callback)?;
            }
        }
        for function in &library.functions {
            self.libraries.functions.insert(key(&function.name), function.clone());
        }
        self.libraries.by_name.insert(library.name.clone(), library);
        Ok(())
    }

    /// Takes a library away; `false` when there was none.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name);
        let Some(library) = self.libraries.by_name.remove(&*name) else { return false };
        for function in library.functions {
            self.libraries.functions.remove(&key(&function.name));
            if let Ok(table) = self
                .sandbox()
                .map_err(|_| ())
                .and_then(|sandbox| functions(sandbox).map_err(|_| ()))
            {
                let _ = table.raw_set(key(&function.name), Value::Nil);
            }
        }
        true
    }

    /// Takes all libraries away.
    pub fn flush_libraries(&mut self) {
        let names: Vec<String> = self.libraries.by_name.keys().cloned().collect();
        for name in names {
            self.delete_library(name.as_bytes());
        }
    }
}

/// Compiles a library and lets it register its functions.
fn prepare(
    sandbox: &Sandbox,
    name: &str,
    source: &[u8],
    code: &[u8],
    go_on: &mut dyn FnMut() -> Result<(), Killed>,
) -> Result<Prepared, ScriptError> {
    let compiled = sandbox::compile(&sandbox.lua, source, "@user_function", &sandbox.functions.env);
    let chunk = compiled.map_err(|why| error(format!("Error compiling function: {why}")))?;
    let registered: RefCell<Vec<Registered>> = RefCell::default();
    let (go_on, ended) = (RefCell::new(go_on), Cell::new(false));
    let Sandbox { state, functions, loading, .. } = sandbox;
    let ran = sandbox.lua.scope(|scope| {
        let register = scope.create_function(|lua, values: MultiValue| {
            let one = registration(lua, &values).map_err(failure::reply)?;
            let mut registered = registered.borrow_mut();
            if registered.iter().any(|known| known.function.name == one.function.name) {
                return Err(failure::reply("ERR Function already exists in the library"));
            }
            registered.push(one);
            Ok(())
        })?;
        let tick = scope.create_function(|_, ()| {
            if !ended.get() && (go_on.borrow_mut())().is_err() {
                ended.set(true);
                state.raw_set("killed", true)?;
            }
            Ok(!ended.get())
        })?;
        state.raw_set(REGISTER, register)?;
        state.raw_set(TICK, tick)?;
        functions.meta.raw_set("__index", loading)?;
        let ran = sandbox.run.call::<(bool, Value)>((&chunk, Value::Nil, Value::Nil));
        functions.meta.raw_set("__index", &functions.globals)?;
        state.raw_set(REGISTER, false)?;
        state.raw_set(TICK, false)?;
        state.raw_set("killed", false)?;
        ran
    });
    let failed = match ran {
        Ok((true, _)) => None,
        _ if ended.get() => Some("ERR FUNCTION LOAD timeout".to_owned()),
        Ok((false, value)) => Some(message(&value).unwrap_or_else(|| "ERR unknown error".into())),
        Err(error) => Some(broken(&error).0),
    };
    if let Some(why) = failed {
        return Err(error(format!("Error registering functions: {}", why)));
    }
    let mut registered = registered.into_inner();
    registered.sort_by(|a, b| a.function.name.cmp(&b.function.name));
    let (list, callbacks) = registered.into_iter().map(|one| (one.function, one.callback)).unzip();
    let library = Library { name: name.to_owned(), code: code.to_vec(), functions: list };
    Ok(Prepared { library, callbacks })
}

fn message(value: &Value) -> Option<String> {
    let table: &Table = value.as_table()?;
    let text: Value = table.raw_get("err").ok()?;
    Some(text.as_string()?.to_string_lossy())
}

fn text(lua: &Lua, value: &Value) -> Option<Vec<u8>> {
    let text = lua.coerce_string(value.clone()).ok().flatten()?;
    Some(text.as_bytes().to_vec())
}

fn registration(lua: &Lua, values: &MultiValue) -> Result<Registered, String> {
    match values.len() {
        1 => named(lua, &values[0]),
        2 => {
            let name = text(lua, &values[0])
                .ok_or("ERR first argument to redis.register_function must be a string")?;
            let Value::Function(callback) = &values[1] else {
                let text = "ERR second argument to redis.register_function must be a function";
                return Err(text.into());
            };
            registered(&name, callback.clone(), None, ScriptFlags::default())
        }
        _ => Err("ERR wrong number of arguments to redis.register_function".into()),
    }
}

fn registered(
    name: &[u8],
    callback: mlua::Function,
    description: Option<Vec<u8>>,
    flags: ScriptFlags,
) -> Result<Registered, String> {
    let name = shebang::checked_name(name).ok_or_else(|| shebang::bad_name().0)?;
    Ok(Registered { function: Function { name, description, flags }, callback })
}

fn named(lua: &Lua, value: &Value) -> Result<Registered, String> {
    let Value::Table(table) = value else {
        return Err("ERR calling redis.register_function with a single argument is only \
                    applicable to Lua table (representing named arguments)."
            .into());
    };
    let (mut name, mut callback, mut description) = (None, None, None);
    let mut flags = ScriptFlags::default();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|error| broken(&error).0)?;
        let Some(key) = text(lua, &key) else {
            let text = "ERR named argument key given to redis.register_function is not a string";
            return Err(text.into());
        };
        let must_be = |field: &str| {
            format!("ERR {field} argument given to redis.register_function must be a string")
        };
        match key.to_ascii_lowercase().as_slice() {
            b"function_name" => {
                name = Some(text(lua, &value).ok_or_else(|| must_be("function_name"))?);
            }
            b"description" => {
                description = Some(text(lua, &value).ok_or_else(|| must_be("description"))?);
            }
            b"callback" => match value {
                Value::Function(function) => callback = Some(function),
                _ => {
                    return Err("ERR callback argument given to redis.register_function must be \
                                a function"
                        .into());
                }
            },
            b"flags" => flags = read_flags(lua, &value)?,
            _ => return Err("ERR unknown argument given to redis.register_function".into()),
        }
    }
    let name = name.ok_or("ERR redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("ERR redis.register_function must get a callback argument")?;
    registered(&name, callback, description, flags)
}

fn read_flags(lua: &Lua, value: &Value) -> Result<ScriptFlags, String> {
    let Value::Table(table) = value else {
        return Err("ERR flags argument to redis.register_function must be a table representing \
                    function flags"
            .into());
    };
    let mut flags = ScriptFlags::default();
    for value in table.sequence_values::<Value>() {
        let name = value.ok().and_then(|value| text(lua, &value));
        let set = name.and_then(|name| flags.with(&name.to_ascii_lowercase()));
        flags = set.ok_or("ERR unknown flag given")?;
    }
    Ok(flags)
}
