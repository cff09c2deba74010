//! Time series as bytes: blocks of rows that share their times, column by column in few bits, and
//! frames that tell a whole block from a torn one. Sans-I/O: knows no files, no clock, and not what
//! a column measures.
#![forbid(unsafe_code)]

mod bits;
pub mod block;
mod codec;
mod column;
pub mod frame;
pub mod rollup;
mod varint;

pub use block::{Block, ROWS_MAX, Value};
pub use codec::{CodecError, decode, encode, span};
