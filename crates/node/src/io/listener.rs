//! Listening sockets: made from `bind` and `port`, or handed over by an agent.

use rustix::fd::OwnedFd;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// Why there is no listening socket.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// `bind` names no address of this host.
    #[error("resolve bind address '{0}'")]
    Resolve(String),
    /// The address or port is not to be had.
    #[error("listen on {address}: {source}")]
    Listen {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Binds every address of `bind` (words separated by spaces; a `-` in front makes it optional).
///
/// # Errors
/// [`ListenError`] of the first address that is not optional.
pub fn bind_all(bind: &str, port: u16, backlog: i32) -> Result<Vec<OwnedFd>, ListenError> {
    let mut sockets = Vec::new();
    for word in bind.split_whitespace() {
        let (name, optional) = match word.strip_prefix('-') {
            Some(name) => (name, true),
            None => (word, false),
        };
        match resolve(name).and_then(|ip| listen(SocketAddr::new(ip, port), backlog)) {
            Ok(socket) => sockets.push(socket),
            Err(_) if optional => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

fn resolve(name: &str) -> Result<IpAddr, ListenError> {
    match name {
        "*" => Ok(IpAddr::from([0, 0, 0, 0])),
        "::*" => Ok(IpAddr::from([0u16; 8])),
        _ => {
            let found = (name, 0).to_socket_addrs().ok().and_then(|mut found| found.next());
            found.map(|found| found.ip()).ok_or_else(|| ListenError::Resolve(name.to_owned()))
        }
    }
}

fn listen(address: SocketAddr, backlog: i32) -> Result<OwnedFd, ListenError> {
    let open = || -> io::Result<OwnedFd> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(socket.into())
    };
    open().map_err(|source| ListenError::Listen { address, source })
}
