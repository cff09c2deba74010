//! Completion scripts and manual pages, from the same commands that are parsed.

use clap::Command;
use clap_complete::Shell;
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a shell's completion script.
pub fn completions(mut program: Command, shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "larder", &mut script);
    print(&script)
}

/// Prints the manual page of the program, or of the command that these words name.
pub fn page(program: Command, words: &[String]) -> ExitCode {
    let mut name = "larder".to_owned();
    let mut command = program;
    for word in words {
        let Some(below) = command.find_subcommand(word).cloned() else {
            eprintln!("error: {name} has no command {word}; `{name} --help` lists them");
            return ExitCode::from(2);
        };
        command = below;
        name = format!("{name} {word}");
    }
    let command = command.name(name.replace(' ', "-")).bin_name(name);
    let mut text = Vec::new();
    match clap_mangen::Man::new(command).render(&mut text) {
        Ok(()) => print(&text),
        Err(error) => {
            eprintln!("error: render the page: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A reader that went away is no error.
fn print(bytes: &[u8]) -> ExitCode {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
