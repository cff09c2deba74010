//! The two cookies: the session's and the login page's. Pure text; knows no session.

/// A cookie of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Holds the session's secret.
    Session,
    /// Ties a login form to the browser that it was sent to.
    Login,
}

/// Whether the browser reaches us over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, meant for loopback.
    Http,
    /// Through something that ends TLS for us.
    Https,
}

impl Cookie {
    fn name(self, scheme: Scheme) -> &'static str {
        match (self, scheme) {
            (Self::Session, Scheme::Http) => "larder_session",
            // The prefix makes browsers refuse it from a sibling host or without TLS.
            (Self::Session, Scheme::Https) => "__Host-larder_session",
            (Self::Login, _) => "larder_login",
        }
    }

    /// `Set-Cookie` that gives the browser this value until it closes.
    pub fn set(self, scheme: Scheme, value: &str) -> String {
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        let name = self.name(scheme);
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")
    }

    /// `Set-Cookie` that takes it away.
    pub fn clear(self, scheme: Scheme) -> String {
        format!("{}; Max-Age=0", self.set(scheme, ""))
    }

    /// Its value in a `Cookie` header; the name that only TLS can set wins.
    pub fn find(self, header: &str) -> Option<(Scheme, &str)> {
        [Scheme::Https, Scheme::Http].into_iter().find_map(|scheme| {
            let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
            let name = self.name(scheme);
            let value = pairs.filter(|pair| pair.0 == name).map(|pair| pair.1).next()?;
            (!value.is_empty()).then_some((scheme, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let plain = Cookie::Session.set(Scheme::Http, "v");
        assert_eq!(plain, "larder_session=v; Path=/; HttpOnly; SameSite=Strict");
        let tls = Cookie::Session.set(Scheme::Https, "v");
        assert_eq!(tls, "__Host-larder_session=v; Path=/; HttpOnly; SameSite=Strict; Secure");
        assert!(Cookie::Session.clear(Scheme::Https).ends_with("Secure; Max-Age=0"));
    }

    #[test]
    fn finding() {
        let rows = [
            ("larder_session=a", Some((Scheme::Http, "a"))),
            ("x=1; larder_session=a;y=2", Some((Scheme::Http, "a"))),
            ("larder_session=a; __Host-larder_session=b", Some((Scheme::Https, "b"))),
            ("larder_session=", None),
            ("xlarder_session=a", None),
            ("", None),
        ];
        for (header, expected) in rows {
            assert_eq!(Cookie::Session.find(header), expected, "{header}");
        }
    }
}
