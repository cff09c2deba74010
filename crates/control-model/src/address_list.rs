//! Lists of addresses and CIDR blocks as owners write them: read, compared by what they mean, told
//! to nodes in one spelling. Must not know which list belongs to what.

use admin::Allowlist;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most entries of one list.
pub const ENTRIES_MAX: usize = 1000;

/// Prefix under which IPv6 holds the IPv4 addresses.
const MAPPED_BITS: u8 = 96;
/// Characters of a culprit that a fault repeats.
const CULPRIT_CHARS: usize = 64;

/// Why a list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// Not an address or block.
    #[error("`{0}` is not an IP address or CIDR block")]
    Entry(String),
    /// Twice in the list, or in the group already.
    #[error("`{0}` is there already")]
    Duplicate(String),
    /// More than [`ENTRIES_MAX`].
    #[error("a list holds at most {ENTRIES_MAX} addresses and blocks")]
    TooMany,
}

/// The entries of a comma-separated list as written, none of them twice.
///
/// # Errors
/// The first entry that is wrong.
pub fn parse(list: &str) -> Result<Vec<String>, ListFault> {
    // Counted first: reading a list of any length would cost its sender nothing and us a lot.
    if ENTRIES_MAX < list.split(',').count() {
        return Err(ListFault::TooMany);
    }
    let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
    for entry in list.split(',').map(str::trim) {
        let block = block(entry).ok_or_else(|| ListFault::Entry(culprit(entry)))?;
        if !seen.insert(block) {
            return Err(ListFault::Duplicate(culprit(entry)));
        }
        entries.push(entry.to_owned());
    }
    Ok(entries)
}

fn culprit(entry: &str) -> String {
    entry.chars().take(CULPRIT_CHARS).collect()
}

/// The block that an entry means; a prefix of 0 only as the block of all addresses. IPv4 within
/// IPv6 is IPv4.
pub fn block(entry: &str) -> Option<IpNet> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    let block = match entry.parse::<IpNet>().ok()? {
        IpNet::V6(block) => canonical(block),
        block => block,
    };
    (block.prefix_len() > 0 || block.addr().is_unspecified()).then(|| block.trunc())
}

fn canonical(block: Ipv6Net) -> IpNet {
    let mapped = block.addr().to_ipv4_mapped().zip(block.prefix_len().checked_sub(MAPPED_BITS));
    let mapped = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    mapped.map_or(IpNet::V6(block), IpNet::V4)
}

/// The blocks of these entries.
pub fn blocks<'a>(entries: impl IntoIterator<Item = &'a String>) -> BTreeSet<IpNet> {
    entries.into_iter().filter_map(|entry| block(entry)).collect()
}

/// What a node must enforce for these entries: each meaning once, in order; nobody if there are
/// none. 0.0.0.0/0 is everybody, so also those who come by IPv6.
pub fn enforced<'a>(entries: impl IntoIterator<Item = &'a String>) -> Allowlist {
    let (mut union, mut seen) = (Vec::new(), BTreeSet::new());
    let mut add = |block: IpNet| {
        if seen.insert(block) {
            union.push(spelled(block));
        }
    };
    for block in entries.into_iter().filter_map(|entry| block(entry)) {
        add(block);
        if block == everybody(Ipv4Addr::UNSPECIFIED.into()) {
            add(everybody(Ipv6Addr::UNSPECIFIED.into()));
        }
    }
    if union.is_empty() { Allowlist::Nobody } else { Allowlist::Entries(union) }
}

fn everybody(unspecified: IpAddr) -> IpNet {
    IpNet::new(unspecified, 0).expect("0 is a prefix of both families")
}

/// A single address without its prefix.
fn spelled(block: IpNet) -> String {
    let single = block.prefix_len() == block.max_prefix_len();
    if single { block.addr().to_string() } else { block.to_string() }
}

/// Whether a peer at `address` is in one of these entries.
pub fn admits<'a>(entries: impl IntoIterator<Item = &'a String>, address: IpAddr) -> bool {
    match enforced(entries) {
        Allowlist::Nobody => false,
        Allowlist::Entries(union) => {
            let address = address.to_canonical();
            union.iter().filter_map(|entry| block(entry)).any(|block| block.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|&entry| entry.to_owned()).collect()
    }

    #[test]
    fn meanings() {
        let rows = [
            ("10.0.0.7", "10.0.0.7/32"),
            ("10.0.0.7/24", "10.0.0.0/24"),
            ("10.0.0.7/1", "0.0.0.0/1"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
            ("2001:db8::7/64", "2001:db8::/64"),
            ("::ffff:10.0.0.7", "10.0.0.7/32"),
            ("::ffff:10.0.0.7/120", "10.0.0.0/24"),
            ("10.0.0.0/0", ""),
            ("10.0.0.0/33", ""),
            ("10.0.0", ""),
            ("010.0.0.1", ""),
            ("fe80::1%eth0", ""),
            ("", ""),
        ];
        for (entry, expected) in rows {
            let meant = block(entry).map(|block| block.to_string()).unwrap_or_default();
            assert_eq!(meant, expected, "{entry}");
        }
    }

    #[test]
    fn what_nodes_are_told() {
        let check = |entries: &[&str], expected: &[&str]| {
            let told = match enforced(&list(entries)) {
                Allowlist::Nobody => Vec::new(),
                Allowlist::Entries(union) => union,
            };
            assert_eq!(told, expected, "{entries:?}");
        };
        check(&[], &[]);
        check(&["10.0.0.1", "10.0.0.1/32", "10.0.0.9/8"], &["10.0.0.1", "10.0.0.0/8"]);
        check(&["::ffff:10.0.0.1", "::1/128"], &["10.0.0.1", "::1"]);
        check(&["10.0.0.1", "0.0.0.0/0"], &["10.0.0.1", "0.0.0.0/0", "::/0"]);
        check(&["::/0"], &["::/0"]);
    }

    #[test]
    fn who_is_admitted() {
        let check = |entries: &[&str], address: &str, expected: bool| {
            let address = address.parse().expect("an address");
            assert_eq!(admits(&list(entries), address), expected, "{entries:?} {address}");
        };
        check(&[], "127.0.0.1", false);
        check(&["10.0.0.0/8"], "10.255.255.255", true);
        check(&["10.0.0.0/8"], "11.0.0.0", false);
        check(&["10.0.0.0/8"], "::ffff:10.1.1.1", true);
        check(&["0.0.0.0/0"], "2001:db8::1", true);
        check(&["::/0"], "10.1.1.1", false);
    }

    #[test]
    fn a_list_without_end_is_not_read() {
        let most = vec!["x"; ENTRIES_MAX + 1].join(",");
        assert_eq!(parse(&most), Err(ListFault::TooMany), "before its entries are looked at");
        let long = "1".repeat(1 << 20);
        assert_eq!(parse(&long), Err(ListFault::Entry("1".repeat(CULPRIT_CHARS))));
    }
}
