//! Installs what the end-to-end suite needs and is not there: Debian packages, a Python venv.
//! Does nothing the second time.

use crate::shell;
use anyhow::{Context, Result};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that the suite runs, and the Debian package that brings it.
pub const PROGRAMS: [(&str, &str); 7] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("redis-benchmark", "redis-tools"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("python3", "python3-venv"),
    ("taskset", "util-linux"),
];

/// Makes everything ready; the answer is the Python to run pytest with.
pub fn prepare(root: &Path) -> Result<PathBuf> {
    install(&PROGRAMS)?;
    let venv = root.join(".venv");
    let wanted_file = root.join("tests/requirements.txt");
    let wanted = std::fs::read_to_string(&wanted_file).context("read tests/requirements.txt")?;
    let stamp = venv.join("requirements.installed");
    let python = venv.join("bin/python");
    let installed = std::fs::read_to_string(&stamp).unwrap_or_default();
    if installed == wanted && python.is_file() {
        return Ok(python);
    }
    make_venv(&venv)?;
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    let ended = shell::show(Command::new(&python).args(install).arg(&wanted_file))?;
    anyhow::ensure!(ended.success, "pip could not install tests/requirements.txt");
    std::fs::write(&stamp, wanted).context("note what is installed in .venv")?;
    Ok(python)
}

/// Installs the packages of those programs that are not in PATH.
pub fn install(programs: &[(&str, &str)]) -> Result<()> {
    packages(&missing(programs, |program| shell::find_program(program).is_some()))
}

/// Packages whose programs are not `present`.
pub fn missing<'p>(programs: &[(&str, &'p str)], present: impl Fn(&str) -> bool) -> Vec<&'p str> {
    let absent = programs.iter().filter(|(program, _)| !present(program));
    let mut names: Vec<&str> = absent.map(|(_, package)| *package).collect();
    names.dedup();
    names
}

fn packages(names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    anyhow::ensure!(is_root(), "missing: apt-get install {} (needs root)", names.join(" "));
    apt(&["update", "--quiet=2"])?;
    let mut install = vec!["install", "--quiet=2", "--yes", "--no-install-recommends"];
    install.extend(names);
    apt(&install)
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    // RUNLEVEL=1 keeps a freshly installed redis-server from being started as a service.
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    anyhow::ensure!(shell::show(&mut command)?.success, "apt-get {} failed", arguments[0]);
    Ok(())
}

/// `python3 -m venv`; where Debian split its pip off, after installing that.
fn make_venv(venv: &Path) -> Result<()> {
    let make = || -> Result<bool> {
        let mut command = Command::new("python3");
        Ok(shell::show(command.args(["-m", "venv", "--clear"]).arg(venv))?.success)
    };
    if make()? {
        return Ok(());
    }
    packages(&["python3-venv"])?;
    anyhow::ensure!(make()?, "python3 -m venv failed");
    Ok(())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
