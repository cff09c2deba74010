//! A server under test: started on its core, in a directory of its own, killed at the end.

use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Core of the servers.
const CORE: &str = "0";
const POLL: Duration = Duration::from_millis(20);
const POLLS_MAX: usize = 500;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    /// Name in the results.
    pub name: String,
    /// Command line without the place of the binary, the port as it was.
    pub command: String,
    /// Where it listens.
    pub port: u16,
    child: Child,
    directory: PathBuf,
}

impl Server {
    /// Starts `command` ({port} is filled in) and waits for its first PONG.
    pub fn start(root: &Path, name: &str, command: &str) -> Result<Server> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let command = command.replace("{port}", &port.to_string());
        let directory = root.join("target/bench").join(format!("{name}-{port}"));
        std::fs::create_dir_all(&directory)?;
        let mut words = words(&command).into_iter();
        let program = words.next().context("an empty command")?;
        let local = root.join(&program);
        let program = if local.is_file() { local } else { PathBuf::from(program) };
        let child = Command::new("taskset")
            .args(["-c", CORE])
            .arg(program)
            .args(words)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {command}"))?;
        let mut server = Server { name: name.to_owned(), command, port, child, directory };
        server.wait_for_pong()?;
        Ok(server)
    }

    /// taskset becomes the server, so its pid is the server's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    #[expect(clippy::disallowed_methods, reason = "polls another process")]
    fn wait_for_pong(&mut self) -> Result<()> {
        for _ in 0..POLLS_MAX {
            if pong(self.port).is_ok_and(|pong| pong) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended with {status}", self.command);
            }
            std::thread::sleep(POLL);
        }
        anyhow::bail!("{} does not answer PING", self.command)
    }
}

fn pong(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(POLL * 10))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n")
}

/// Splits at blanks; '' is an empty word.
pub fn words(command: &str) -> Vec<String> {
    let bare = |word: &str| if word == "''" { String::new() } else { word.to_owned() };
    command.split_whitespace().map(bare).collect()
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the results stand without it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
