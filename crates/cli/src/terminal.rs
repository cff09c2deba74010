//! The outside world of a verb: streams, environment, clock, pause. Verbs get it as a value, so
//! that tests hand in their own. Knows no verb.

use crate::error::Error;
use crate::output::clean;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;
use stdx::{Clock, SystemClock};

/// Finds a variable of the environment.
pub type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// Streams and surroundings of one command.
pub struct Terminal {
    /// Results go here.
    pub out: Box<dyn Write>,
    /// Everything that is no result: questions, notes, errors.
    pub err: Box<dyn Write>,
    /// Passwords and confirmations come from here.
    pub input: Box<dyn BufRead>,
    /// A person can answer questions.
    pub input_is_tty: bool,
    /// A person reads the result.
    pub output_is_tty: bool,
    /// Variables of the environment.
    pub env: Lookup,
    /// Time.
    pub clock: Box<dyn Clock>,
    /// Lets time pass between two looks at the same thing.
    pub pause: Box<dyn Fn(Duration)>,
}

impl Terminal {
    /// The process' own streams.
    pub fn real() -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::stdin().lock()),
            input_is_tty: io::stdin().is_terminal(),
            output_is_tty: io::stdout().is_terminal(),
            env: Box::new(|name| std::env::var(name).ok()),
            clock: Box::new(SystemClock::new()),
            pause: Box::new(pause),
        }
    }

    /// Colour is for people who did not forbid it.
    pub fn colour(&self) -> bool {
        self.output_is_tty && (self.env)("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Prints a result. A reader that went away (`| head`) is no error.
    ///
    /// # Errors
    /// `Stream`.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|source| Error::Stream { doing: "write the result", source }),
        }
    }

    /// Tells the reader something beside the result. A closed standard error is not worth failing.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}");
    }

    /// One line of standard input without its end. `prompt` is shown to a person only.
    ///
    /// # Errors
    /// `Stream`; also at the end of the input.
    pub fn read_line(&mut self, prompt: &str, doing: &'static str) -> Result<String, Error> {
        if self.input_is_tty {
            let _ = write!(self.err, "{prompt}").and_then(|()| self.err.flush());
        }
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        match read.map_err(|source| Error::Stream { doing, source })? {
            0 => Err(Error::Stream { doing, source: io::ErrorKind::UnexpectedEof.into() }),
            _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }

    /// An error and its hints, for a person.
    pub fn explain(&mut self, error: &Error) {
        self.note(&format!("error: {}", clean(&error.to_string())));
        for hint in error.hints() {
            self.note(&format!("  hint: {}", clean(&hint)));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the API has no event to wait for, only a status")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
