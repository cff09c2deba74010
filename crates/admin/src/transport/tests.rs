//! Tests of the transport over socket pairs and over sockets in a scratch directory.
#![expect(clippy::disallowed_methods, reason = "the peer of a blocking call needs a thread")]

use super::*;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

fn pair() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(ours), theirs)
}

fn text(connection: &mut Connection) -> Option<(String, bool)> {
    connection.recv::<String>().unwrap().map(|(line, fd)| (line, fd.is_some()))
}

/// A directory that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("larder-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn lines_come_whole_however_they_are_cut() {
    let stream = b"\"a\"\n\"bb\"\n\"ccc\"\n";
    for cut in 0..=stream.len() {
        let (mut connection, mut peer) = pair();
        let (head, tail) = stream.split_at(cut);
        let tail = tail.to_vec();
        peer.write_all(head).unwrap();
        let writer = std::thread::spawn(move || peer.write_all(&tail).unwrap());
        for expected in ["a", "bb", "ccc"] {
            assert_eq!(text(&mut connection), Some((expected.to_owned(), false)), "cut at {cut}");
        }
        writer.join().unwrap();
        assert_eq!(text(&mut connection), None);
    }
}

#[test]
fn end_inside_a_line_is_an_error() {
    let (mut connection, mut peer) = pair();
    peer.write_all(b"\"whole\"\n\"hal").unwrap();
    drop(peer);
    assert_eq!(text(&mut connection), Some(("whole".to_owned(), false)));
    assert!(matches!(connection.recv::<String>(), Err(TransportError::Truncated)));
}

#[test]
fn a_line_of_the_limit_passes_and_one_more_byte_does_not() {
    // Two quotes and the line end are part of the line.
    let longest = "x".repeat(LINE_BYTES_MAX - 3);
    let (mut connection, peer) = pair();
    let mut peer = Connection::new(peer);
    let sender = std::thread::spawn(move || {
        peer.send(&longest, None).unwrap();
        let too_long = "x".repeat(LINE_BYTES_MAX - 2);
        assert!(matches!(peer.send(&too_long, None), Err(TransportError::Oversize)));
        // A peer without manners: the reader must stop by itself.
        let mut raw = peer.stream();
        let _ = raw.write_all(&vec![b'x'; LINE_BYTES_MAX + CHUNK_BYTES]);
    });
    assert_eq!(text(&mut connection).unwrap().0.len(), LINE_BYTES_MAX - 3);
    assert!(matches!(connection.recv::<String>(), Err(TransportError::Oversize)));
    drop(connection);
    sender.join().unwrap();
}

#[test]
fn a_line_that_is_not_understood_is_named() {
    let (mut connection, mut peer) = pair();
    peer.write_all(b"{\"Unknown\":1}\n\"next\"\n").unwrap();
    assert!(matches!(connection.recv::<String>(), Err(TransportError::Malformed(_))));
    assert_eq!(text(&mut connection), Some(("next".to_owned(), false)));
}

#[test]
fn descriptors_stay_with_their_lines() {
    let (mut connection, peer) = pair();
    let mut peer = Connection::new(peer);
    let (mut kept, given) = UnixStream::pair().unwrap();
    let long = "l".repeat(3 * CHUNK_BYTES);
    peer.send(&"none", None).unwrap();
    peer.send(&"first", Some(given.as_fd())).unwrap();
    peer.send(&"none", None).unwrap();
    peer.send(&long, Some(given.as_fd())).unwrap();
    peer.send(&"none", None).unwrap();
    drop(given);
    assert_eq!(text(&mut connection), Some(("none".to_owned(), false)));
    let (line, fd) = connection.recv::<String>().unwrap().unwrap();
    assert_eq!(line, "first");
    let fd = fd.unwrap();
    let flags = rustix::io::fcntl_getfd(&fd).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    UnixStream::from(fd).write_all(b"!").unwrap();
    let mut byte = [0];
    kept.read_exact(&mut byte).unwrap();
    assert_eq!(text(&mut connection), Some(("none".to_owned(), false)));
    assert_eq!(text(&mut connection), Some((long, true)));
    assert_eq!(text(&mut connection), Some(("none".to_owned(), false)));
}

#[test]
fn silence_times_out_and_the_line_may_still_come() {
    let (mut connection, mut peer) = pair();
    connection.set_timeout(Some(Duration::from_millis(5))).unwrap();
    peer.write_all(b"\"la").unwrap();
    assert!(matches!(connection.recv::<String>(), Err(TransportError::TimedOut)));
    peer.write_all(b"te\"\n").unwrap();
    assert_eq!(text(&mut connection), Some(("late".to_owned(), false)));
}

#[test]
fn another_protocol_is_refused() {
    let hello = |protocol| Hello { protocol, version: "9.9.9".to_owned() };
    assert_eq!(answer_hello(&hello(PROTOCOL), "0.1.0").unwrap().version, "0.1.0");
    let refusal = answer_hello(&hello(PROTOCOL + 1), "0.1.0").unwrap_err();
    assert_eq!(refusal.code, "ProtocolMismatch");
    assert!(refusal.message.contains("9.9.9"));
}

#[test]
fn private_sockets_replace_stale_ones_at_any_depth() {
    let scratch = Scratch::new("transport-bind");
    let deep = scratch.0.join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    for directory in [&scratch.0, &deep] {
        let path = directory.join("admin.sock");
        for _ in 0..2 {
            let listener = bind_private(&path).unwrap();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let mut client = Connection::connect(&path).unwrap();
            let (server, _) = listener.accept().unwrap();
            check_peer(&server).unwrap();
            client.send(&"through", None).unwrap();
            let received = Connection::new(server).recv::<String>().unwrap().unwrap();
            assert_eq!(received.0, "through");
        }
        assert!(matches!(Connection::connect(&path), Err(TransportError::Io { .. })));
    }
    let left: Vec<_> = std::fs::read_dir(&deep).unwrap().collect();
    assert_eq!(left.len(), 1, "only the socket is left: {left:?}");
}
