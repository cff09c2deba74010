//! Processes: started, told apart from others with the same id, signalled and reaped. Must not know
//! which are to run.

use crate::core::message::{Identity, Signal};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

/// A process of ours, alive or not yet reaped.
#[derive(Debug)]
pub(crate) struct Process {
    identity: Identity,
    pidfd: OwnedFd,
    /// `None` for one that an earlier agent started: it is the child of someone else.
    child: Option<Child>,
}

impl Process {
    /// Starts a child.
    pub(crate) fn spawn(command: &mut Command, boot_id: &str) -> io::Result<Process> {
        let mut child = command.spawn()?;
        // A child keeps its id until it is reaped, so these look at the right one.
        match Self::look_up(child.id(), boot_id) {
            Ok((identity, pidfd, _)) => Ok(Process { identity, pidfd, child: Some(child) }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Finds a process of an earlier agent; `None` when it is dead.
    pub(crate) fn find(identity: &Identity, boot_id: &str) -> Option<Process> {
        if identity.boot_id != boot_id {
            return None;
        }
        let (found, pidfd, state) = Self::look_up(identity.pid, boot_id).ok()?;
        let alive = found == *identity && !matches!(state, 'Z' | 'X');
        alive.then(|| Process { identity: found, pidfd, child: None })
    }

    fn look_up(pid: u32, boot_id: &str) -> io::Result<(Identity, OwnedFd, char)> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        // The descriptor first: what is read afterwards is about the same process or fails.
        let pidfd = rustix::process::pidfd_open(raw, PidfdFlags::empty())?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (state, start_time) = parse_stat(&stat)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown stat format"))?;
        Ok((Identity { pid, start_time, boot_id: boot_id.to_owned() }, pidfd, state))
    }

    /// Who it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Readable once the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Signals exactly this process; a dead one is left alone.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let signal = match signal {
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Err(Errno::SRCH) => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    /// Reaps it after its descriptor became readable; tells how it ended.
    pub(crate) fn reap(mut self) -> String {
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => format!("unknown: {error}"),
            None => "unknown: it was started by an earlier agent".to_owned(),
        }
    }
}

/// Waits until the process has ended, at most for `limit`; true when it has.
pub(crate) fn wait_for_exit(pidfd: BorrowedFd<'_>, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).ok();
    let mut fds = [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    matches!(rustix::event::poll(&mut fds, limit.as_ref()), Ok(ready) if ready > 0)
}

/// Identity of the running kernel's boot.
pub(crate) fn boot_id() -> io::Result<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

/// State and start time. The second field, the name, may hold spaces and brackets; fields are
/// counted behind its last bracket.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_time = fields.nth(18)?.parse().ok()?;
    Some((state, start_time))
}

/// Living node processes whose arguments name one of `sockets`, of a node each, as their admin
/// socket. One that is not on record was started by an agent that died before it could write that
/// down.
pub(crate) fn find_by_socket(
    sockets: &[(String, PathBuf)],
    boot_id: &str,
) -> Vec<(String, Process)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found = Vec::new();
    for pid in pids {
        let Ok((identity, pidfd, _)) = Process::look_up(pid, boot_id) else { continue };
        let Ok(arguments) = std::fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        let arguments: Vec<&[u8]> = arguments.split(|&byte| byte == 0).collect();
        let pair = arguments.windows(2).find(|pair| pair[0] == b"--admin-socket");
        let is_node = arguments.get(1) == Some(&b"node".as_slice());
        let owner = sockets.iter().find(|(_, path)| {
            is_node && pair.is_some_and(|pair| path.as_os_str().as_encoded_bytes() == pair[1])
        });
        if let Some((node_id, _)) = owner {
            found.push((node_id.clone(), Process { identity, pidfd, child: None }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_any_name() {
        let fields = "S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 20";
        for name in ["larder", "a b", "a) R 1 (b", ""] {
            let stat = format!("4711 ({name}) {fields}");
            assert_eq!(parse_stat(&stat), Some(('S', 987_654)), "{name}");
        }
        assert_eq!(parse_stat("4711 (x) S 1"), None);
    }

    #[test]
    fn only_the_very_same_process_is_found() {
        let boot = boot_id().unwrap();
        let process = Process::spawn(Command::new("sleep").arg("600"), &boot).unwrap();
        let identity = process.identity().clone();
        assert!(Process::find(&identity, &boot).is_some());
        let other_start = Identity { start_time: identity.start_time + 1, ..identity.clone() };
        assert!(Process::find(&other_start, &boot).is_none());
        assert!(Process::find(&identity, "another boot").is_none());
        process.signal(Signal::Kill).unwrap();
        assert!(wait_for_exit(process.pidfd(), Duration::from_secs(60)));
        assert!(Process::find(&identity, &boot).is_none(), "a dead process is not found");
        assert!(process.signal(Signal::Kill).is_ok());
        assert!(process.reap().contains("signal: 9"));
        assert!(Process::find(&identity, &boot).is_none());
    }
}
