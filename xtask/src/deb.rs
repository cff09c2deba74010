//! The Debian package, built by cargo-deb, which is installed below target/ when it is missing.

use crate::shell;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// The version that the package was tried with.
const CARGO_DEB: &str = "cargo-deb@3.8.0";

/// Builds it; false when a step failed.
pub fn run(root: &Path) -> Result<bool> {
    let tools = root.join("target/tools");
    let program = tools.join("bin/cargo-deb");
    if !program.is_file() {
        let mut install = Command::new("cargo");
        install.args(["install", "--quiet", "--locked", CARGO_DEB, "--root"]).arg(&tools);
        if !shell::show(&mut install)?.success {
            return Ok(false);
        }
    }
    let mut build = Command::new(program);
    build.current_dir(root).args(["deb", "--package", "larder", "--locked"]);
    Ok(shell::show(&mut build)?.success)
}
