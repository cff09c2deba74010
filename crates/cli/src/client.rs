//! One signed call over HTTP. A shell: builds the request, sends it, tells a result from a refusal.
//! Knows no verb, no waiting and no output.

use crate::error::{Error, Refusal};
use crate::profile::{Origin, Profile};
use crate::sign;
use serde_json::Value;
use std::io::ErrorKind;
use std::time::Duration;

/// Version of the API that all actions belong to, but for those of [`Client::call_of`].
pub const VERSION: &str = "2015-01-01";

/// Longest time for one call, connection and answer together.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers longer than this are not ours.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A caller of one API with one access key.
pub struct Client {
    agent: ureq::Agent,
    profile: Profile,
    origin: Origin,
}

/// What makes each request unique: the time it is made and a nonce.
#[derive(Debug)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// 16 random bytes.
    pub nonce: [u8; 16],
}

impl Client {
    /// A client for this profile. Proxies of the environment are not used: the API is on this host
    /// or on one that is reached directly.
    pub fn new(profile: Profile, origin: Origin) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .build()
            .new_agent();
        Self { agent, profile, origin }
    }

    /// Region of the profile, if it has one.
    pub fn region(&self) -> Option<&str> {
        self.profile.region.as_deref()
    }

    /// Calls `action` and gives its result. The parameters travel in the body, so that no password
    /// is written into anybody's access log.
    ///
    /// # Errors
    /// `Unreachable`, `NotTheApi`, `Refused`.
    pub fn call(
        &self,
        action: &str,
        params: &[(&str, &str)],
        stamp: &Stamp,
    ) -> Result<Value, Error> {
        self.call_of(VERSION, action, params, stamp)
    }

    /// As [`Client::call`], of the service that this version names.
    ///
    /// # Errors
    /// As there.
    pub fn call_of(
        &self,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
        stamp: &Stamp,
    ) -> Result<Value, Error> {
        let body = sign::encode_pairs(params);
        let headers = self.headers(version, action, &body, stamp);
        let url = format!("{}/", self.profile.api);
        let request = headers.iter().fold(self.agent.post(&url), |request, (name, value)| {
            request.header(*name, value.as_str())
        });
        let mut response = request.send(body.as_bytes()).map_err(|e| self.unreachable(&e))?;
        let status = response.status().as_u16();
        let read = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = read.map_err(|error| self.unreachable(&error))?;
        self.judge(action, status, &text)
    }

    fn headers(
        &self,
        version: &str,
        action: &str,
        body: &str,
        stamp: &Stamp,
    ) -> Vec<(&'static str, String)> {
        let host = self.profile.api.strip_prefix("http://").unwrap_or(&self.profile.api);
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("host", host.to_owned()),
            ("user-agent", concat!("larder-cli/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("x-acs-action", action.to_owned()),
            ("x-acs-content-sha256", sign::sha256_hex(body.as_bytes())),
            ("x-acs-date", utc_text(stamp.unix_ms)),
            ("x-acs-signature-nonce", sign::hex(&stamp.nonce)),
            ("x-acs-version", version.to_owned()),
        ];
        let signed: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let request = sign::Request {
            method: "POST",
            path: "/",
            query: &[],
            headers: &signed,
            body: body.as_bytes(),
        };
        let Profile { access_key_id, access_key_secret, .. } = &self.profile;
        let authorization = sign::authorization(&request, access_key_id, access_key_secret);
        headers.push(("authorization", authorization));
        headers
    }

    fn judge(&self, action: &str, status: u16, text: &str) -> Result<Value, Error> {
        let not_the_api = |reason: String| Error::NotTheApi {
            action: action.to_owned(),
            api: self.profile.api.clone(),
            reason,
        };
        let answer: Value = serde_json::from_str(text)
            .map_err(|_| not_the_api(format!("HTTP status {status} without a JSON body")))?;
        if status == 200 {
            return Ok(answer);
        }
        let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        if field("Code").is_empty() {
            return Err(not_the_api(format!("HTTP status {status} without an error code")));
        }
        Err(Error::Refused(Box::new(Refusal {
            action: action.to_owned(),
            status,
            code: field("Code"),
            // What follows the first line is for programs, such as the string to sign.
            message: field("Message").lines().next().unwrap_or_default().to_owned(),
            request_id: field("RequestId"),
            origin: self.origin.to_string(),
        })))
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        let (reason, nobody_listens) = match error {
            ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                ("connection refused".to_owned(), true)
            }
            ureq::Error::HostNotFound => ("the host name is not known".to_owned(), false),
            ureq::Error::Timeout(_) => {
                (format!("no answer within {} s", CALL_TIMEOUT.as_secs()), false)
            }
            other => (other.to_string(), false),
        };
        Error::Unreachable { api: self.profile.api.clone(), reason, nobody_listens }
    }
}

/// `2026-11-22T12:51:19Z`.
fn utc_text(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::utc_text;

    #[test]
    fn dates() {
        for (unix_ms, text) in
            [(0, "1970-01-01T00:00:00Z"), (1_795_351_879_999, "2026-11-22T12:51:19Z")]
        {
            assert_eq!(utc_text(unix_ms), text);
        }
    }
}
