//! Who signed a request: ACS3-HMAC-SHA256 by headers, or RPC v1 HMAC-SHA1 by parameters. Pure over
//! the request's bytes; must not know keys, clocks or what the actions mean.

mod acs3;
pub mod canonical;
pub mod replay;
mod rpc;

use crate::error::{self, ApiError};
use crate::mask::{MASK, sounds_secret};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;

/// How far a client's clock may be off, either way.
pub const SKEW_MS_MAX: i64 = 15 * 60 * 1000;

/// A request as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct WireRequest<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path as sent.
    pub path: &'a str,
    /// Raw query, without `?`.
    pub query: &'a str,
    /// Names in lower case, in order.
    pub headers: &'a [(String, String)],
    /// Whole body.
    pub body: &'a [u8],
}

impl WireRequest<'_> {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Action and key that the request names, unchecked; empty where it names none.
    pub fn says_of_itself(&self) -> (String, String) {
        let pairs = self.pairs();
        let param = |name: &str| {
            let found = pairs.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        match self.header("authorization") {
            None => (param("Action"), param("AccessKeyId")),
            Some(authorization) => {
                let action = self.header("x-acs-action").unwrap_or_default().to_owned();
                (action, acs3::credential(authorization).to_owned())
            }
        }
    }

    /// Parameters of the query, and of the body when it is a form.
    fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = canonical::form_pairs(self.query.as_bytes());
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            pairs.extend(canonical::form_pairs(self.body));
        }
        pairs
    }
}

/// A request that says who signed it, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Action.
    pub action: String,
    /// API version.
    pub version: String,
    /// All parameters of query and form.
    pub params: BTreeMap<String, String>,
    /// Key that it was signed with.
    pub access_key_id: String,
    /// What goes with the key of a session.
    pub security_token: Option<String>,
    /// Used once.
    pub nonce: String,
    /// When it was signed.
    pub signed_unix_ms: i64,
    scheme: Scheme,
    string_to_sign: String,
    signature: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Acs3,
    Rpc,
}

impl Claim {
    /// Reads what the request says of itself. The scheme is told by the `Authorization` header.
    ///
    /// # Errors
    /// When a part is missing, malformed, ambiguous or not covered by the signature.
    pub fn read(request: &WireRequest<'_>) -> Result<Claim, ApiError> {
        match request.header("authorization") {
            Some(authorization) => acs3::read(request, authorization),
            None => rpc::read(request),
        }
    }

    /// Checks signature and time; the nonce is the caller's to remember.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch` or `InvalidTimeStamp.Expired`.
    pub fn check(&self, secret: &str, now_unix_ms: i64) -> Result<(), ApiError> {
        let expected = match self.scheme {
            Scheme::Acs3 => acs3::sign(secret, &self.string_to_sign),
            Scheme::Rpc => rpc::sign(secret, &self.string_to_sign),
        };
        if !bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            let row = &error::SIGNATURE_DOES_NOT_MATCH;
            return Err(row.says(format!("{}{}", row.message, self.shown_string())));
        }
        let skew = now_unix_ms.saturating_sub(self.signed_unix_ms);
        if skew.saturating_abs() > SKEW_MS_MAX {
            return Err(error::TIMESTAMP_EXPIRED.plain());
        }
        Ok(())
    }
}

impl Claim {
    /// The string to sign, by which clients find out that their secret is wrong. Values of secrets
    /// are not repeated: clients write answers into their logs.
    fn shown_string(&self) -> String {
        let secrets = self.params.iter().filter(|(name, _)| sounds_secret(name));
        secrets.fold(self.string_to_sign.clone(), |text, (name, value)| {
            let part = |value: &str| {
                let pair = canonical::query(&[(name.clone(), value.to_owned())]);
                canonical::encode(&pair)
            };
            text.replace(&part(value), &part(MASK))
        })
    }
}

/// The pairs as a map.
///
/// # Errors
/// When a name comes twice: the signature would cover both and the action see one.
fn unique(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut params = BTreeMap::new();
    for (name, value) in pairs {
        if params.contains_key(&name) {
            let text = format!("The specified parameter {name} is given more than once.");
            return Err(error::INVALID_PARAMETER.says(text));
        }
        params.insert(name, value);
    }
    Ok(params)
}

fn unix_ms(time: &str) -> Result<i64, ApiError> {
    let parsed: Result<jiff::Timestamp, _> = time.parse();
    parsed.map(|time| time.as_millisecond()).map_err(|_| error::TIMESTAMP_FORMAT.plain())
}

#[cfg(test)]
mod tests;
