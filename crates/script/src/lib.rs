//! Lua 5.1 for EVAL and FUNCTION: a closed sandbox, the scripts by their SHA-1, the libraries of
//! functions, values between Lua and RESP. Knows no session, no lock and no socket: commands, time
//! and the decision to stop a script come from a [`Caller`].
#![forbid(unsafe_code)]

mod bits;
mod convert;
mod failure;
mod host;
mod json;
mod library;
mod msgpack;
mod pattern;
mod random;
mod sandbox;
mod shebang;
mod text;

pub use failure::ScriptError;
pub use host::{Call, Caller, Host, Killed, Script, digest};
pub use library::{Function, Library, Restore};
pub use shebang::{ScriptFlags, flags_of};

#[cfg(test)]
mod tests;
