//! The tables: commands, parameters and instance classes as data, one flat file per family. A thing
//! exists when it has a row here; help, COMMAND, ACL categories, routing, docs and what the API
//! sells derive from the row. Knows no handler.
#![forbid(unsafe_code)]

pub mod class;
pub mod command;
pub mod commands;
pub mod edges;
pub mod events;
pub mod managed;
pub mod metrics;
pub mod params;
pub mod restrictions;
pub mod syntax;

pub use command::{Command, Family, Flags, Keys, Lock};
pub use params::{Kind, Param};
