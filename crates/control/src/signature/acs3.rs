//! ACS3-HMAC-SHA256: the signature travels in `Authorization` and covers method, path, query, named
//! headers and the body's hash. Must not know keys or clocks.

use super::{Claim, Scheme, WireRequest, canonical, unique, unix_ms};
use crate::error::{self, ApiError};
use crate::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Reads the claim of a request with this `Authorization` value.
pub(super) fn read(request: &WireRequest<'_>, authorization: &str) -> Result<Claim, ApiError> {
    let authorization = Authorization::parse(authorization)?;
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    all_covered(request, &signed)?;
    let hash = hex::encode(&Sha256::digest(request.body));
    if request.header("x-acs-content-sha256") != Some(&hash) {
        let text = "x-acs-content-sha256 is not the SHA-256 of the request body.";
        return Err(error::INCOMPLETE_SIGNATURE.says(text));
    }
    let query = canonical::form_pairs(request.query.as_bytes());
    let canonical = format!(
        "{}\n{}\n{}\n{}\n{}\n{hash}",
        request.method,
        request.path,
        canonical::query(&query),
        canonical_headers(request, &signed),
        authorization.signed_headers,
    );
    let string_to_sign =
        format!("{ALGORITHM}\n{}", hex::encode(&Sha256::digest(canonical.as_bytes())));
    let required = |name: &str| {
        let value = request.header(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| error::MISSING_PARAMETER.says(format!("Header {name} is mandatory.")))
    };
    let token = request.header("x-acs-security-token").filter(|token| !token.is_empty());
    Ok(Claim {
        action: required("x-acs-action")?.to_owned(),
        version: required("x-acs-version")?.to_owned(),
        params: unique(request.pairs())?,
        access_key_id: authorization.credential.to_owned(),
        security_token: token.map(str::to_owned),
        nonce: required("x-acs-signature-nonce")?.to_owned(),
        signed_unix_ms: unix_ms(required("x-acs-date")?)?,
        scheme: Scheme::Acs3,
        string_to_sign,
        signature: authorization.signature.to_owned(),
    })
}

/// Key that an `Authorization` value names, empty when it is not understood.
pub(super) fn credential(authorization: &str) -> &str {
    Authorization::parse(authorization).map_or("", |parsed| parsed.credential)
}

/// The signature of `string_to_sign`, lower-case hex.
pub(super) fn sign(secret: &str, string_to_sign: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    hex::encode(&mac.finalize().into_bytes())
}

struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Result<Authorization<'a>, ApiError> {
        let parsed = || {
            let parts = value.trim().strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
            let part = |name: &str| {
                let named = parts.split(',').map(str::trim);
                let value = named.filter_map(|part| part.split_once('='));
                value.filter(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v).next()
            };
            Some(Authorization {
                credential: part("Credential")?,
                signed_headers: part("SignedHeaders")?,
                signature: part("Signature")?,
            })
        };
        let text = "Authorization must be: ACS3-HMAC-SHA256 \
                    Credential=…,SignedHeaders=…,Signature=…";
        parsed().ok_or_else(|| error::INCOMPLETE_SIGNATURE.says(text))
    }
}

/// `host` and each present `x-acs-*` must be signed, or they could be exchanged on the way.
fn all_covered(request: &WireRequest<'_>, signed: &[&str]) -> Result<(), ApiError> {
    let present = request.headers.iter().map(|(name, _)| name.as_str());
    let needed = present.filter(|name| name.starts_with("x-acs-")).chain(["host"]);
    for name in needed {
        if !signed.contains(&name) {
            let text = format!("Header {name} must be among SignedHeaders.");
            return Err(error::INCOMPLETE_SIGNATURE.says(text));
        }
    }
    Ok(())
}

fn canonical_headers(request: &WireRequest<'_>, signed: &[&str]) -> String {
    let mut out = String::new();
    for name in signed {
        let same = request.headers.iter().filter(|(n, _)| n == name);
        let mut values: Vec<_> = same.map(|(_, value)| value.trim()).collect();
        values.sort_unstable();
        out.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    out
}
