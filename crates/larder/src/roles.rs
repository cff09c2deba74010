//! Starting each role: options in, exit code out.

use crate::args::{Control, RestoreState, Up};
use anyhow::Context;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// `larder node …`.
pub fn node(words: &[String]) -> ExitCode {
    match words.first().map(String::as_str) {
        Some("--help" | "-h") => {
            print_node_help();
            return ExitCode::SUCCESS;
        }
        Some("--version" | "-v") => {
            println!("larder {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let options = match node::Options::parse(words) {
        Ok(options) => options,
        Err(error) => return fail(&anyhow::Error::new(error).context("larder node")),
    };
    if let Err(error) = log_to(options.config.get("logfile"), Stream::Output) {
        return fail(&error);
    }
    finish(node::run(options).context("larder node"))
}

/// `larder up`.
pub fn up(up: &Up) -> ExitCode {
    if let Err(error) = log_to("", Stream::Error) {
        return fail(&error);
    }
    let run = || {
        let executable = std::env::current_exe().context("find this program's file")?;
        let data_dir = std::path::absolute(&up.data_dir).context("resolve --data-dir")?;
        let common = control_args(up, &data_dir);
        let mut first = common.clone();
        if up.quickstart {
            first.push("--quickstart".into());
        }
        if let Some(file) = &up.ready_file {
            let file = std::path::absolute(file).context("resolve --ready-file")?;
            anyhow::ensure!(
                !file.is_dir(),
                "--ready-file {} is a directory; name a file",
                file.display()
            );
            first.extend(["--ready-file".into(), file.into()]);
        }
        agent::run(agent::AgentOptions {
            data_dir,
            executable,
            control_address: up.api,
            control_args: first,
            control_restart_args: common,
        })
        .context("larder up")
    };
    finish(run())
}

fn control_args(up: &Up, data_dir: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![
        "control".into(),
        "--data-dir".into(),
        data_dir.into(),
        "--api".into(),
        up.api.to_string().into(),
        "--advertise".into(),
        up.advertise.clone().into(),
        "--max-instances".into(),
        up.max_instances.to_string().into(),
        "--recycle-days".into(),
        up.recycle_days.to_string().into(),
        "--smtp-from".into(),
        up.alarms.smtp_from.clone().into(),
    ];
    for net in &up.alarms.webhook_deny {
        args.extend(["--webhook-deny".into(), net.to_string().into()]);
    }
    args
}

/// `larder control`.
pub fn control(options: Control) -> ExitCode {
    if let Err(error) = log_to("", Stream::Error) {
        return fail(&error);
    }
    let agent_socket = options.data_dir.join("agent/agent.sock");
    let smtp_url = std::env::var("LARDER_SMTP_URL").ok().filter(|url| !url.is_empty());
    let options = control::ControlOptions {
        data_dir: options.data_dir,
        api: options.api,
        advertise: options.advertise,
        instances_max: options.max_instances,
        recycle_days: options.recycle_days,
        agent_socket,
        quickstart: options.quickstart,
        ready_file: options.ready_file,
        smtp: smtp_url.map(|url| (url, options.alarms.smtp_from)),
        webhook_deny: options.alarms.webhook_deny,
        parent_pid: options.parent_pid,
    };
    let run = || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .build()
            .context("start the runtime")?;
        runtime.block_on(control::serve(options, console::router)).context("larder control")
    };
    finish(run())
}

/// `larder audit verify`; fails when the log is not what was written.
pub fn verify_audit(data_dir: &Path) -> ExitCode {
    let report = match control::verify_audit(data_dir).context("larder audit verify") {
        Ok(report) => report,
        Err(error) => return fail(&error),
    };
    for note in &report.notes {
        println!("note: {note}");
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    let (lines, files) = (report.lines, report.files);
    if report.findings.is_empty() {
        println!("The audit log is whole: {lines} lines in {files} files, as they were written.");
        return ExitCode::SUCCESS;
    }
    let places = report.findings.len();
    println!("The audit log is not as it was written: {places} places; {lines} lines are good.");
    ExitCode::FAILURE
}

/// `larder restore-state`.
pub fn restore_state(options: &RestoreState) -> ExitCode {
    let RestoreState { file, data_dir, replace } = options;
    let run = || {
        let done = control::restore(file, data_dir, *replace).context("larder restore-state")?;
        let control::Restored { time, documents, instances, set_aside } = done;
        println!("restored the state of {time}: {documents} documents, {instances} instances");
        if let Some(path) = set_aside {
            println!("the state before it is in {}", path.display());
        }
        println!("start larder up on {} now", data_dir.display());
        Ok(())
    };
    finish(run())
}

fn print_node_help() {
    print!("{}", node::HELP);
    for param in catalog::params::PARAMS {
        println!("  {:<20} {} (default: {:?})", param.name, param.doc, param.default);
    }
}

/// Where log lines go without a file.
#[derive(Clone, Copy)]
enum Stream {
    /// Standard output, as redis-server does.
    Output,
    /// Standard error.
    Error,
}

/// Log lines go to `stream`, or to a file; `LARDER_LOG` chooses levels.
fn log_to(file: &str, stream: Stream) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("LARDER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = match stream {
        Stream::Output => std::io::stdout().is_terminal(),
        Stream::Error => std::io::stderr().is_terminal(),
    };
    let colours = file.is_empty() && terminal;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    let builder = builder.with_ansi(colours);
    if !file.is_empty() {
        let mut options = std::fs::OpenOptions::new();
        let log = options.append(true).create(true).open(file);
        let log = log.with_context(|| format!("open logfile {file}"))?;
        builder.with_writer(std::sync::Mutex::new(log)).init();
        return Ok(());
    }
    match stream {
        Stream::Output => builder.with_writer(std::io::stdout).init(),
        Stream::Error => builder.with_writer(std::io::stderr).init(),
    }
    Ok(())
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", told_once(error));
    ExitCode::FAILURE
}

/// The error with its causes, without those that the text before them tells already.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| {
        match (told.is_empty(), told.contains(&cause)) {
            (true, _) => cause,
            (_, true) => told,
            _ => format!("{told}: {cause}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let cause = || std::io::Error::other("disk full");
        let rows = [
            (anyhow::Error::new(cause()), "disk full"),
            (anyhow::Error::new(cause()).context("write a"), "write a: disk full"),
            (
                anyhow::Error::new(cause()).context("write a: disk full").context("up"),
                "up: write a: disk full",
            ),
        ];
        for (error, expected) in rows {
            assert_eq!(told_once(&error), expected);
        }
    }
}
