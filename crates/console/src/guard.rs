//! Checks on a request that need nothing but the request, and the headers that every answer
//! carries. Pure; knows no page and no session table.

use crate::cookie::Scheme;
use subtle::ConstantTimeEq;

/// Headers of every answer. No inline script or style is allowed, so an injected one is inert.
pub const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    // `no-referrer` would turn the Origin header of our own forms into `null`.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// What a browser says about where a request comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sender<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Host`.
    pub host: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
}

impl Sender<'_> {
    /// Whether a page of ours sent it. A browser names the origin of each form; where one does not,
    /// it must at least call the request same-origin.
    pub fn is_us(&self) -> bool {
        match (self.origin, self.host) {
            (Some(origin), Some(host)) => {
                let rest = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
            }
            (None, Some(_)) => self.fetch_site == Some("same-origin"),
            (_, None) => false,
        }
    }

    /// The scheme that the browser used, which only it knows when something before us ends TLS.
    pub fn scheme(&self) -> Scheme {
        match self.origin {
            Some(origin) if origin.starts_with("https://") => Scheme::Https,
            _ => Scheme::Http,
        }
    }
}

/// Whether the token that came is the one that was given; takes the same time for every wrong one.
pub fn token_fits(given: &str, came: Option<&str>) -> bool {
    came.is_some_and(|came| {
        !given.is_empty() && bool::from(given.as_bytes().ct_eq(came.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders() {
        let rows = [
            (Some("http://h:1"), Some("h:1"), None, true),
            (Some("https://H:1"), Some("h:1"), None, true),
            (Some("http://evil"), Some("h:1"), Some("same-origin"), false),
            (Some("http://h:2"), Some("h:1"), None, false),
            (Some("null"), Some("h:1"), None, false),
            (Some("http://h:1.evil"), Some("h:1"), None, false),
            (None, Some("h:1"), Some("same-origin"), true),
            (None, Some("h:1"), Some("cross-site"), false),
            (None, Some("h:1"), None, false),
            (Some("http://h:1"), None, Some("same-origin"), false),
        ];
        for (origin, host, fetch_site, us) in rows {
            let sender = Sender { origin, host, fetch_site };
            assert_eq!(sender.is_us(), us, "{sender:?}");
        }
    }

    #[test]
    fn tokens() {
        assert!(token_fits("abc", Some("abc")));
        for came in [None, Some(""), Some("abd"), Some("abcd")] {
            assert!(!token_fits("abc", came), "{came:?}");
        }
        assert!(!token_fits("", Some("")));
    }
}
