//! Where messages may be posted. A webhook's address is chosen by a user, the request is made by
//! us from inside: so addresses of this machine's own services, of links and of the cloud's
//! metadata are refused, by the address that is really connected to and not by name, and redirects
//! are never followed. Must not know what is posted.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Networks that nobody's webhook is in: "this" network, links, metadata services, multicast,
/// broadcast.
const NEVER: [&str; 9] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "100.100.100.200/32",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fe80::/10",
    "fd00:ec2::254/128",
    "ff00::/8",
];

/// The longest address, in bytes.
pub(crate) const URL_BYTES_MAX: usize = 1_024;

/// Why a webhook's text is none; `None` when it is one.
pub(crate) fn fault(url: &str) -> Option<&'static str> {
    let Ok(uri) = url.parse::<Uri>() else { return Some("an http or https address") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) || URL_BYTES_MAX < url.len() {
        return Some("an http or https address of at most 1024 characters");
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.is_empty() || authority.contains('@') {
        return Some("an address with a host and without user and password");
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let literal = host.parse::<IpAddr>().ok();
    literal.filter(|ip| is_never(*ip)).map(|_| {
        "an address outside link-local, multicast and \
                                                metadata networks"
    })
}

fn is_never(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    NEVER.iter().filter_map(|net| net.parse::<IpNet>().ok()).any(|net| net.contains(&ip))
}

/// Finds addresses by name and leaves out those that must not be connected to.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    /// Ports of this host where we or instances listen.
    pub(crate) own_ports: Vec<u16>,
    /// Further networks that the installation forbids.
    pub(crate) denied: Vec<IpNet>,
    /// Asks the system.
    pub(crate) system: DefaultResolver,
}

impl GuardedResolver {
    fn permits(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let own = ip.is_loopback() && self.own_ports.contains(&address.port());
        !own && !is_never(ip) && !self.denied.iter().any(|net| net.contains(&ip))
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        let mut permitted = self.empty();
        for address in found.iter().filter(|address| self.permits(**address)) {
            permitted.push(*address);
        }
        match permitted.is_empty() {
            true => Err(ureq::Error::Other(Box::new(Forbidden))),
            false => Ok(permitted),
        }
    }
}

/// All addresses of a name are forbidden.
#[derive(Debug, thiserror::Error)]
#[error("the address is one that messages must not be posted to")]
pub(crate) struct Forbidden;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for good in [
            "http://127.0.0.1:8080/hook",
            "https://example.org/a?token=b",
            "http://10.0.0.5",
            "http://[::1]:80/",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        let bad = [
            "",
            "example.org",
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://user:secret@example.org/",
            "http:///x",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://100.100.100.200/",
            "http://0.0.0.0:8077/",
            "http://[::ffff:169.254.169.254]/",
        ];
        for bad in bad {
            assert!(fault(bad).is_some(), "{bad}");
        }
        assert!(fault(&format!("http://h/{}", "x".repeat(1_100))).is_some());
    }

    #[test]
    fn addresses() {
        let resolver = GuardedResolver {
            own_ports: vec![8077, 6379],
            denied: vec!["10.9.0.0/16".parse().expect("a net")],
            system: DefaultResolver::default(),
        };
        let rows = [
            ("127.0.0.1:9000", true),
            ("127.0.0.1:8077", false),
            ("127.9.9.9:6379", false),
            ("[::1]:6379", false),
            ("[::ffff:127.0.0.1]:8077", false),
            ("192.168.1.1:8077", true),
            ("10.9.1.1:80", false),
            ("169.254.169.254:80", false),
            ("[::ffff:169.254.169.254]:80", false),
            ("8.8.8.8:443", true),
        ];
        for (address, expected) in rows {
            let address = address.parse().expect("an address");
            assert_eq!(resolver.permits(address), expected, "{address}");
        }
    }
}
