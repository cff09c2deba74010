//! Errors on their way through Lua, and the errors of this crate. A failure of a command is a
//! table with the field `err` for a script that catches it, any other one a text with its place.

use mlua::{Lua, Value};

/// Why a script did not run, or ended; the text starts with an error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(pub String);

/// Raised by the host's own functions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// As if a command had answered so; starts with its code.
    #[error("{0}")]
    Reply(String),
    /// As if Lua's own library had raised it.
    #[error("{0}")]
    Text(String),
}

/// An error that a script sees as a table.
pub fn reply(text: impl Into<String>) -> mlua::Error {
    mlua::Error::external(Failure::Reply(text.into()))
}

/// An error that a script sees as a text, with the place of the call in front.
pub fn at_caller(lua: &Lua, text: &str) -> mlua::Error {
    let place = lua.inspect_stack(1, |debug| {
        let line = debug.current_line()?;
        let source = debug.source();
        Some(format!("{}:{line}: ", source.short_src?))
    });
    let place = place.flatten().unwrap_or_default();
    mlua::Error::external(Failure::Text(format!("{place}{text}")))
}

/// What a script sees when it catches `error`.
pub fn visible(lua: &Lua, error: &mlua::Error) -> mlua::Result<Value> {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Reply(text)) => {
            let table = lua.create_table_with_capacity(0, 1)?;
            table.raw_set("err", text.as_str())?;
            Ok(Value::Table(table))
        }
        Some(Failure::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
        None => Ok(Value::String(lua.create_string(plain(error))?)),
    }
}

/// One line for any other error of the Lua library.
pub fn plain(error: &mlua::Error) -> String {
    match error {
        mlua::Error::MemoryError(_) => "not enough memory".into(),
        mlua::Error::SyntaxError { message, .. } | mlua::Error::RuntimeError(message) => {
            message.lines().next().unwrap_or_default().to_owned()
        }
        mlua::Error::CallbackError { cause, .. } => plain(cause),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
