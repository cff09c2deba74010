//! Telling the service manager that everything serves, where there is one: a datagram to the socket
//! that it named. Must not know how it came to be.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says so to `address`, the value of `NOTIFY_SOCKET`: a path, or a name after `@`.
///
/// # Errors
/// As the system says when nobody listens there.
pub fn ready(address: &str) -> io::Result<()> {
    let address = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn reaches_paths_and_abstract_names() {
        let scratch = Scratch::new();
        let path = scratch.path().join("notify").to_str().expect("plain").to_owned();
        let name = format!("@larder-notify-{}", std::process::id());
        for address in [path, name] {
            assert!(ready(&address).is_err(), "nobody listens on {address}");
            let listener = match address.strip_prefix('@') {
                Some(name) => {
                    UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name).expect("a name"))
                }
                None => UnixDatagram::bind(&address),
            };
            let listener = listener.expect("bound");
            ready(&address).expect("sent");
            let mut text = [0; 16];
            let length = listener.recv(&mut text).expect("received");
            assert_eq!(&text[..length], b"READY=1");
        }
    }
}
