//! RPC v1 HMAC-SHA1: everything, the signature too, travels as parameters of query and form. Must
//! not know keys or clocks.

use super::{Claim, Scheme, WireRequest, canonical, unique, unix_ms};
use crate::error::{self, ApiError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Reads the claim of a request without an `Authorization` header.
pub(super) fn read(request: &WireRequest<'_>) -> Result<Claim, ApiError> {
    let pairs = request.pairs();
    let signed: Vec<_> = pairs.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    let string_to_sign =
        format!("{}&%2F&{}", request.method, canonical::encode(&canonical::query(&signed)));
    let params = unique(pairs)?;
    let given = |name: &str| params.get(name).filter(|value| !value.is_empty());
    let required = |name: &str| given(name).cloned().ok_or_else(|| error::missing(name));
    for (name, only) in [("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0")] {
        if given(name).is_some_and(|value| value != only) {
            return Err(error::INCOMPLETE_SIGNATURE.says(format!("{name} must be {only}.")));
        }
    }
    Ok(Claim {
        action: required("Action")?,
        version: required("Version")?,
        access_key_id: required("AccessKeyId")?,
        signature: required("Signature")?,
        security_token: given("SecurityToken").cloned(),
        nonce: required("SignatureNonce")?,
        signed_unix_ms: unix_ms(&required("Timestamp")?)?,
        scheme: Scheme::Rpc,
        string_to_sign,
        params,
    })
}

/// The signature of `string_to_sign`, base64.
pub(super) fn sign(secret: &str, string_to_sign: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
