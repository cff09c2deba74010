//! Vectors of both schemes, computed apart from this code, and what must be refused.

use super::*;

const SECRET: &str = "secret";
const NOW_UNIX_MS: i64 = 1_795_351_879_000;
const QUERY: &str = "SearchKey=a+b%2Bc*~%2F%C3%A9&VpcId=&RegionId=cn-hangzhou";
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const FORM: &[u8] = b"RegionId=cn-hangzhou&InstanceName=a+b";
const FORM_HASH: &str = "9b7af11cecfc05cba8aa33cd46eeeb3b7f26e8d3fb28e04ff14cd431936d6e1e";
const SIGNED: &str = "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-date;\
                      x-acs-signature-nonce;x-acs-version";

/// An ACS3 request that tests bend before they read it.
struct Acs3 {
    method: &'static str,
    query: &'static str,
    headers: Vec<(String, String)>,
    body: &'static [u8],
}

impl Acs3 {
    fn new(signature: &str) -> Acs3 {
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential=LTAItest,SignedHeaders={SIGNED},Signature={signature}"
        );
        let headers = [
            ("host", "127.0.0.1:8077"),
            ("x-acs-action", "DescribeInstances"),
            ("x-acs-version", "2015-01-01"),
            ("x-acs-date", "2026-11-22T12:51:19Z"),
            ("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"),
            ("x-acs-content-sha256", EMPTY_HASH),
            ("accept", " application/json "),
            ("user-agent", "test  agent"),
            ("authorization", &authorization),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Acs3 { method: "POST", query: QUERY, headers: headers.map(owned).into(), body: b"" }
    }

    fn set(mut self, name: &str, value: &str) -> Acs3 {
        self.headers.retain(|(present, _)| present != name);
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    fn claim(&self) -> Result<Claim, ApiError> {
        let Acs3 { method, query, headers, body } = self;
        Claim::read(&WireRequest { method, path: "/", query, headers, body })
    }

    /// The code of the refusal, empty when it is signed well.
    fn code(&self) -> String {
        let checked = self.claim().and_then(|claim| claim.check(SECRET, NOW_UNIX_MS));
        checked.err().map(|error| error.code.into_owned()).unwrap_or_default()
    }
}

const POSTED: &str = "700115d2f9d0ca655b3ba4c53d79d9a3530d5badcd1542b57844470162b511ab";

#[test]
fn acs3_vectors() {
    let posted = Acs3::new(POSTED);
    let claim = posted.claim().expect("complete");
    assert_eq!((&*claim.action, &*claim.version), ("DescribeInstances", "2015-01-01"));
    assert_eq!(claim.params["SearchKey"], "a b+c*~/é");
    assert_eq!(claim.signed_unix_ms, NOW_UNIX_MS);
    assert_eq!(posted.code(), "");

    let got = "abe016e6bff950b7487ff0eda244f928b8aea40bd4a57faaf56552604280bdd2";
    assert_eq!(Acs3 { method: "GET", ..Acs3::new(got) }.code(), "");

    let form = "f338b5379fe24c681717c8eec2f38ee16829352530f9e670190b2cfcd2715615";
    let authorization = format!(
        "ACS3-HMAC-SHA256 Credential=LTAItest, SignedHeaders={}, Signature={form}",
        SIGNED.replace("accept;", "accept;content-type;")
    );
    let posted = Acs3::new(form)
        .set("authorization", &authorization)
        .set("x-acs-action", "CreateInstance")
        .set("content-type", "application/x-www-form-urlencoded")
        .set("x-acs-content-sha256", FORM_HASH);
    let posted = Acs3 { query: "", body: FORM, ..posted };
    assert_eq!(posted.claim().expect("complete").params["InstanceName"], "a b");
    assert_eq!(posted.code(), "");
}

#[test]
fn acs3_refusals() {
    let wrong = "SignatureDoesNotMatch";
    let good = || Acs3::new(POSTED);
    assert_eq!(good().set("user-agent", "other").code(), wrong);
    assert_eq!(good().set("x-acs-action", "DeleteInstance").code(), wrong);
    assert_eq!(Acs3 { query: "RegionId=cn-beijing", ..good() }.code(), wrong);
    assert_eq!(Acs3 { method: "GET", ..good() }.code(), wrong);
    assert_eq!(Acs3::new(&POSTED.to_uppercase()).code(), wrong);
    assert_eq!(Acs3 { body: b"x", ..good() }.code(), "IncompleteSignature");
    assert_eq!(good().set("x-acs-extra", "unsigned").code(), "IncompleteSignature");
    assert_eq!(good().set("authorization", "Bearer x").code(), "IncompleteSignature");
    let sm3 = "ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=b";
    assert_eq!(good().set("authorization", sm3).code(), "IncompleteSignature");
    assert_eq!(good().set("x-acs-signature-nonce", "").code(), "MissingParameter");
    assert_eq!(good().set("x-acs-date", "yesterday").code(), "InvalidTimeStamp.Format");
    let hidden = SIGNED.replace("host;", "");
    let hidden = format!("ACS3-HMAC-SHA256 Credential=a,SignedHeaders={hidden},Signature=b");
    assert_eq!(good().set("authorization", &hidden).code(), "IncompleteSignature");
}

const COMMON: &str = "Action=DescribeInstances&Version=2015-01-01&Format=JSON&AccessKeyId=LTAItest\
                      &SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=n-1\
                      &SignatureType=&Timestamp=2026-11-22T12%3A51%3A19Z";

/// The code of the refusal of an RPC request, empty when it is signed well.
fn rpc_code(method: &str, query: &str, body: &str) -> String {
    let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let headers = [("x-acs-action".to_owned(), "Other".to_owned()), form];
    let body = body.as_bytes();
    let claim = Claim::read(&WireRequest { method, path: "/", query, headers: &headers, body });
    let checked = claim.and_then(|claim| claim.check(SECRET, NOW_UNIX_MS));
    checked.err().map(|error| error.code.into_owned()).unwrap_or_default()
}

#[test]
fn rpc_vectors_and_refusals() {
    let post = "Signature=GtnhhvuVzmdn5ieu916pfYfPhik%3D";
    let get = "Signature=hDrIrb4oaS9XC4aAPzHGvUkVKkg%3D";
    assert_eq!(rpc_code("POST", &format!("{COMMON}&{QUERY}&{post}"), ""), "");
    assert_eq!(rpc_code("POST", &format!("{COMMON}&{post}"), QUERY), "", "form and query");
    assert_eq!(rpc_code("GET", &format!("{get}&{COMMON}&{QUERY}"), ""), "");
    let wrong = "SignatureDoesNotMatch";
    assert_eq!(rpc_code("POST", &format!("{COMMON}&{QUERY}&{get}"), ""), wrong);
    assert_eq!(rpc_code("POST", &format!("{COMMON}&{QUERY}&{post}&More=1"), ""), wrong);
    assert_eq!(rpc_code("POST", &format!("{COMMON}&{QUERY}"), ""), "MissingSignature");
    assert_eq!(rpc_code("POST", "", ""), "MissingAction");
    let sm = COMMON.replace("HMAC-SHA1", "HMAC-SHA256");
    assert_eq!(rpc_code("POST", &format!("{sm}&{post}"), ""), "IncompleteSignature");
    let twice = format!("{COMMON}&{QUERY}&{post}&RegionId=x");
    assert_eq!(rpc_code("POST", &twice, ""), "InvalidParameter", "ambiguous");
}

#[test]
fn window_of_fifteen_minutes_either_way() {
    let claim = Acs3::new(POSTED).claim().expect("complete");
    for (off_ms, fine) in [(0, true), (900_000, true), (900_001, false)] {
        for now in [NOW_UNIX_MS + off_ms, NOW_UNIX_MS - off_ms] {
            let code = claim.check(SECRET, now).err().map(|error| error.code);
            assert_eq!(code.is_none(), fine, "{off_ms} {code:?}");
            assert!(code.is_none_or(|code| code == "InvalidTimeStamp.Expired"));
        }
    }
}

#[test]
fn text_for_clients_that_compare_what_was_signed() {
    let query = format!("{COMMON}&Signature=x");
    let request = WireRequest { method: "POST", path: "/", query: &query, headers: &[], body: b"" };
    let claim = Claim::read(&request).expect("complete");
    let error = claim.check(SECRET, NOW_UNIX_MS).expect_err("wrong");
    let (before, after) = error.message.split_once(':').expect("a colon");
    assert!(before.ends_with("server string to sign is"));
    assert!(after.starts_with("POST&%2F&AccessKeyId%3DLTAItest%26Action"), "{after}");
}

#[test]
fn a_wrong_signature_does_not_bring_a_password_back() {
    let query = "AccessKeyId=a&AccountPassword=Canary-1%2B&Action=X&Pasword=Canary-2&Signature=s\
                 &SignatureNonce=n&Timestamp=2026-11-22T12:51:19Z&Version=2015-01-01&Zone=kept";
    let request = WireRequest { method: "GET", path: "/", query, headers: &[], body: b"" };
    let claim = Claim::read(&request).expect("well-formed");
    let error = claim.check("secret", 1_795_351_879_000).expect_err("wrong");
    assert!(!error.message.contains("Canary"), "{}", error.message);
    assert!(error.message.ends_with("%26Zone%3Dkept"), "{}", error.message);
    assert!(error.message.contains("AccountPassword%3D"), "{}", error.message);
}
