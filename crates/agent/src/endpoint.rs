//! Listening sockets of instances. Must not know who polls them.

use crate::core::message::Endpoint;
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io;
use std::net::SocketAddr;

/// Connections that may wait while no node polls, as far as the kernel's own limit allows.
const BACKLOG: i32 = 4_096;

/// Binds and listens; the socket is close-on-exec and non-blocking.
///
/// # Errors
/// As the kernel says, such as an address in use.
pub(crate) fn listen(endpoint: Endpoint) -> io::Result<OwnedFd> {
    let family = match endpoint.0 {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &endpoint.0)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Where a listening socket that was handed over is bound.
///
/// # Errors
/// `InvalidInput` when it is no socket of an IP address.
pub(crate) fn endpoint_of(socket: &OwnedFd) -> io::Result<Endpoint> {
    let address = rustix::net::getsockname(socket)?;
    Ok(Endpoint(SocketAddr::try_from(address)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn one_socket_per_address_and_clients_wait_in_it() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let any = Endpoint(address.parse().unwrap());
            let first = match listen(any) {
                Ok(first) => first,
                // A host without IPv6 has no such address.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => continue,
                Err(error) => panic!("{address}: {error}"),
            };
            let endpoint = endpoint_of(&first).unwrap();
            assert_eq!(listen(endpoint).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            let _waits = TcpStream::connect(endpoint.0).unwrap();
            drop(first);
            listen(endpoint).unwrap();
        }
    }
}
