//! The suite's source tree under .cache/, and which server stands in it.
//! Knows Debian's package tools, not the suite's checks.

use super::installed_version;
use crate::shell;
use crate::suite::install;
use anyhow::{Context, Result};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that is needed, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 6] = [
    ("dpkg-source", "dpkg-dev"),
    ("tclsh", "tcl"),
    ("timeout", "coreutils"),
    ("redis-server", SERVER_PACKAGE),
    ("redis-cli", "redis-tools"),
    ("redis-check-aof", "redis-tools"),
];

/// Package of the reference server.
pub const SERVER_PACKAGE: &str = "redis-server";

/// Programs that the suite looks for beside the server; Debian's will do.
const TOOLS: [&str; 4] = ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"];

/// Who answers in the place of src/redis-server.
#[derive(Debug)]
pub enum Server {
    /// Debian's redis-server.
    Reference,
    /// `larder node`.
    Ours {
        /// The program.
        binary: PathBuf,
        /// Its io-threads, where other than the default.
        loops: Option<u32>,
    },
}

/// The unpacked source package.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    logs: PathBuf,
}

impl Tree {
    /// Fetches and unpacks the source package of `suite` (`redis-7.0.15`) unless it is there.
    pub fn fetch(root: &Path, suite: &str) -> Result<Self> {
        install(&PROGRAMS)?;
        let cache = root.join(".cache/conformance");
        let tree = Self { directory: cache.join(suite), logs: cache.join("logs") };
        std::fs::create_dir_all(&tree.logs)?;
        if !tree.directory.join("runtest").is_file() {
            download(&cache, &installed_version()?)?;
        }
        let runs = tree.directory.join("runtest").is_file();
        anyhow::ensure!(runs, "Debian's redis is not {suite} here; the suite needs that release");
        Ok(tree)
    }

    /// The root of the unpacked sources.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the output of `file` goes.
    pub fn log(&self, file: &str) -> Result<PathBuf> {
        let log = self.logs.join(format!("{}.log", file.replace('/', "-")));
        Ok(log)
    }

    /// Puts `server` and the tools where the suite looks for them.
    pub fn place(&self, server: &Server) -> Result<()> {
        for tool in TOOLS {
            link(tool, &self.directory.join("src").join(tool))?;
        }
        let seat = self.directory.join("src/redis-server");
        let Server::Ours { binary, loops } = server else {
            return link("redis-server", &seat);
        };
        remove(&seat)?;
        let loops = loops.map(|loops| format!(" --io-threads {loops}")).unwrap_or_default();
        // exec: the suite signals the process that it started.
        let script = format!("#!/bin/sh\nexec '{}' node \"$@\"{loops}\n", binary.display());
        std::fs::write(&seat, script).with_context(|| format!("write {}", seat.display()))?;
        std::fs::set_permissions(&seat, PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    /// The named test files, or all that the suite lists.
    pub fn files(&self, only: &[String]) -> Result<Vec<String>> {
        for file in only {
            let known = self.directory.join("tests").join(format!("{file}.tcl")).is_file();
            anyhow::ensure!(known, "the suite has no file {file}; one is called unit/type/list");
        }
        if !only.is_empty() {
            return Ok(only.to_vec());
        }
        let mut list = Command::new("./runtest");
        let listed = shell::read(list.arg("--list-tests").current_dir(&self.directory))?;
        Ok(listed.split_whitespace().map(str::to_owned).collect())
    }
}

/// `apt-get source` of the very version that is installed, with package lists of its own, so that
/// the machine's sources stay as they are.
fn download(cache: &Path, version: &str) -> Result<()> {
    let sources = cache.join("deb-src.sources");
    let lists = cache.join("lists");
    std::fs::create_dir_all(lists.join("partial"))?;
    std::fs::write(&sources, deb_src()?).context("write the list of package sources")?;
    let apt = |arguments: &[&str]| -> Result<()> {
        let mut command = Command::new("apt-get");
        command.arg("--quiet=2").current_dir(cache);
        for (name, value) in [
            ("Dir::Etc::sourcelist", sources.as_path()),
            ("Dir::Etc::sourceparts", Path::new("/dev/null")),
            ("Dir::State::lists", &lists),
            // Empty names: no caches in memory-mapped files beside the machine's.
            ("Dir::Cache::pkgcache", Path::new("")),
            ("Dir::Cache::srcpkgcache", Path::new("")),
            ("APT::Sandbox::User", Path::new("root")),
        ] {
            command.arg("--option").arg(format!("{name}={}", value.display()));
        }
        anyhow::ensure!(shell::show(command.args(arguments))?.success, "apt-get failed");
        Ok(())
    };
    apt(&["update"])?;
    apt(&["source", &format!("redis={version}")])
}

/// The machine's own Debian sources, asked for source packages.
fn deb_src() -> Result<String> {
    let path = "/etc/apt/sources.list.d/debian.sources";
    let text = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let line = |line: &str| if line.starts_with("Types:") { "Types: deb-src" } else { line }.into();
    let lines: Vec<String> = text.lines().map(line).collect();
    Ok(lines.join("\n") + "\n")
}

fn link(program: &str, at: &Path) -> Result<()> {
    let found = shell::find_program(program).with_context(|| format!("find {program} in PATH"))?;
    remove(at)?;
    symlink(&found, at).with_context(|| format!("link {}", at.display()))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
