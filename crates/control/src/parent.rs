//! The end of the process that started this one. Must not know what that process was.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};
use std::io;
use std::os::fd::OwnedFd;
use tokio::sync::oneshot;

/// A parent to be outlived by no more than a moment.
pub(crate) struct Parent {
    ended: oneshot::Receiver<()>,
}

impl Parent {
    /// The parent, if `pid` still is it.
    ///
    /// # Errors
    /// `NotFound` when it is gone already or somebody else's, or as the kernel says.
    pub(crate) fn watch(pid: u32) -> io::Result<Parent> {
        let parent = Parent::of(pid)?;
        // Asked after the descriptor was opened, so that it cannot stand for a later process.
        if getppid().map(Pid::as_raw_pid) != i32::try_from(pid).ok() {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        Ok(parent)
    }

    fn of(pid: u32) -> io::Result<Parent> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        let (tell, ended) = oneshot::channel();
        // Ends with the parent or with this process, whichever is first; nobody waits for it.
        std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
            wait(&pidfd);
            let _ = tell.send(());
        })?;
        Ok(Parent { ended })
    }

    /// Returns when it has ended.
    pub(crate) async fn ended(&mut self) {
        // A thread that broke down watches nothing any more; ending is the safe side.
        let _ = (&mut self.ended).await;
    }
}

fn wait(pidfd: &OwnedFd) {
    while poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None) == Err(Errno::INTR) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use tokio::time::{Duration, timeout};

    #[tokio::test]
    async fn ends_with_the_process() {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut child = child.expect("cat starts");
        let mut watched = Parent::of(child.id()).expect("it runs");
        assert!(timeout(Duration::ZERO, watched.ended()).await.is_err(), "it still runs");
        drop(child.stdin.take());
        timeout(Duration::from_secs(10), watched.ended()).await.expect("it has ended");
        child.wait().expect("reaped");
    }

    #[tokio::test]
    async fn only_the_parent_is_watched() {
        let own = std::process::id();
        assert_eq!(Parent::watch(own).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
        assert_eq!(Parent::watch(0).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
        let parent = getppid().expect("tests have a parent").as_raw_pid();
        assert!(Parent::watch(parent.unsigned_abs()).is_ok());
    }
}
