//! RESP2 and RESP3: requests from bytes, replies to bytes, with Redis' limits. Sans-I/O: never sees
//! a socket, and does not know any command.
#![forbid(unsafe_code)]

pub mod decode;
pub mod double;
pub mod inline;
pub mod number;
pub mod reply;

pub use decode::{Args, Decoder, Limits, OwnedArgs, ProtocolError, Span, Step};
pub use reply::{Protocol, Reply};
