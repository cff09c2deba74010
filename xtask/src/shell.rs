//! Running other programs: visibly, with their output read along.
//! Knows no particular program.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the repository").to_owned()
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Exit status zero.
    pub success: bool,
    /// Standard output, which was shown too.
    pub output: String,
}

/// Runs `command` with its output shown as it comes; standard error goes straight through.
pub fn show(command: &mut Command) -> Result<Ended> {
    println!("$ {}", line(command));
    let failed = || format!("run {}", line(command));
    let message = failed();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| message.clone())?;
    let pipe = child.stdout.take().expect("stdout is a pipe, see above");
    let mut output = String::new();
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).with_context(|| message.clone())? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        std::io::stdout().flush()?;
        output.push_str(&text);
        bytes.clear();
    }
    let success = child.wait().context(message)?.success();
    Ok(Ended { success, output })
}

/// Runs `command` quietly; its standard output, or an error with its standard error.
pub fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("run {}", line(command)))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{} failed: {errors}", line(command));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program and its arguments as one would type them.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The first file called `name` in PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}
