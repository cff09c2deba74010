//! What a verb works with: the client, the terminal and its own row of the table. Calls, waits and
//! prints on behalf of the verb; knows no verb in particular.

use super::Verb;
use crate::client::{Client, Stamp};
use crate::error::{Error, Kind};
use crate::options::{Common, Format, PasswordSource, Waiting};
use crate::terminal::Terminal;
use crate::wait::{self, Goal, Sight, Verdict};
use crate::{output, profile};
use serde_json::Value;

/// One run of one verb.
pub struct Session<'a> {
    /// Streams and surroundings.
    pub terminal: &'a mut Terminal,
    verb: &'static Verb,
    client: Client,
    format: Format,
}

impl<'a> Session<'a> {
    /// Finds the credentials; sends nothing yet.
    ///
    /// # Errors
    /// As [`profile::find`].
    pub fn open(
        verb: &'static Verb,
        common: &Common,
        terminal: &'a mut Terminal,
    ) -> Result<Self, Error> {
        let (profile, origin) = profile::find(common.profile.as_deref(), &terminal.env)?;
        let client = Client::new(profile, origin);
        Ok(Self { terminal, verb, client, format: common.output })
    }

    /// Calls one of the verb's actions.
    ///
    /// # Errors
    /// As [`Client::call`].
    ///
    /// # Panics
    /// When the action is missing in the verb's row.
    pub fn call(&self, action: &str, params: &[(&str, &str)]) -> Result<Value, Error> {
        assert!(self.verb.actions.contains(&action), "{} may not call {action}", self.verb.name);
        let stamp =
            Stamp { unix_ms: self.terminal.clock.unix_ms(), nonce: stdx::random::entropy() };
        self.client.call(action, params, &stamp)
    }

    /// `DBInstanceAttribute[0]` of an instance.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn attributes(&self, instance_id: &str) -> Result<Value, Error> {
        let mut answer = self.call("DescribeInstanceAttribute", &[("InstanceId", instance_id)])?;
        Ok(answer["Instances"]["DBInstanceAttribute"][0].take())
    }

    /// Region to name in a call: the flag, the profile, this installation's own.
    pub fn region(&self, flag: Option<&str>) -> String {
        flag.or(self.client.region()).unwrap_or(control_model::region::REGION).to_owned()
    }

    /// Waits until the goal is reached. The API being away for a moment ends no wait.
    ///
    /// # Errors
    /// `Deadline`, `Failed`, and refusals such as lost credentials.
    pub fn wait(&self, instance_id: &str, goal: Goal, waiting: &Waiting) -> Result<(), Error> {
        let begin_us = self.terminal.clock.monotonic_us();
        let deadline_us = begin_us.saturating_add(waiting.wait_timeout.saturating_mul(1_000_000));
        let mut last_status = "unknown".to_owned();
        for looks in 1.. {
            let sight = self.look(instance_id)?;
            match &sight {
                Sight::Status(status) => last_status.clone_from(status),
                Sight::Absent => "gone".clone_into(&mut last_status),
                Sight::Unknown => {}
            }
            let instance_id = || instance_id.to_owned();
            match wait::judge(goal, &sight) {
                Verdict::Done => return Ok(()),
                Verdict::Failed => {
                    return Err(Error::Failed { instance_id: instance_id(), status: last_status });
                }
                Verdict::Again => {}
            }
            let now_us = self.terminal.clock.monotonic_us();
            if now_us >= deadline_us {
                let waited_s = (now_us - begin_us) / 1_000_000;
                let (instance_id, status) = (instance_id(), last_status);
                return Err(Error::Deadline { instance_id, status, waited_s });
            }
            (self.terminal.pause)(wait::pause(looks));
        }
        unreachable!("the loop above has no end")
    }

    fn look(&self, instance_id: &str) -> Result<Sight, Error> {
        match self.attributes(instance_id) {
            Ok(attributes) => Ok(Sight::Status(output::text(&attributes["InstanceStatus"]))),
            Err(error) => match error.kind() {
                Kind::NotFound => Ok(Sight::Absent),
                Kind::Connection | Kind::Busy => Ok(Sight::Unknown),
                _ => Err(error),
            },
        }
    }

    /// Prints a result: `value` for scripts, `text` for people.
    ///
    /// # Errors
    /// `Stream`.
    pub fn show(&mut self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Error> {
        let text = match self.format {
            Format::Json => output::json(value),
            Format::Table => text(),
        };
        self.terminal.print(&text)
    }

    /// A password from its flag or from standard input; `None` when neither was given.
    ///
    /// # Errors
    /// `Stream`.
    pub fn password(&mut self, source: &PasswordSource) -> Result<Option<String>, Error> {
        if source.password_stdin {
            return self.terminal.read_line("Password: ", "read the password").map(Some);
        }
        Ok(source.password.clone())
    }
}
