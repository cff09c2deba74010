//! Why a client at some address cannot reach an instance: the first of address, state, route, node,
//! allowlist and password that stands in its way. Must not know how anyone is told.

use crate::global_group::GlobalGroups;
use crate::instance::Instance;
use crate::lifecycle::Status;
use std::net::IpAddr;

/// What is known of an instance.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What its owner wants.
    pub intent: &'a Instance,
    /// Its status now.
    pub status: Status,
    /// Address or name that clients are told to connect to.
    pub advertise: &'a str,
    /// Groups that it is bound to.
    pub shared: &'a GlobalGroups,
    /// What the node says; `None` when it does not answer.
    pub node: Option<NodeFacts>,
}

/// What a node says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeFacts {
    /// Of the settings in force.
    pub generation: u64,
    /// Open now.
    pub connections: u64,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No client has this address.
    Address,
    /// The instance does not serve.
    State(Status),
    /// The endpoint is of this host alone.
    Loopback,
    /// Endpoint and client speak different versions of IP.
    Family,
    /// The node does not answer.
    Silent,
    /// No group admits the address.
    Allowlist,
    /// The groups admit it, and the node does not know yet.
    Pending,
    /// As many connections are open as the class allows.
    Full,
    /// A password is needed and nobody has one.
    Password,
}

/// The first obstacle for a client at `source`, or `None`.
pub fn diagnose(facts: &Facts<'_>, source: IpAddr) -> Option<Obstacle> {
    let source = source.to_canonical();
    let serves = !matches!(
        facts.status,
        Status::Creating
            | Status::Rebooting
            | Status::Error
            | Status::Unavailable
            | Status::Released
    );
    if !is_clients(source) {
        return Some(Obstacle::Address);
    }
    if !serves {
        return Some(Obstacle::State(facts.status));
    }
    if let Some(obstacle) = route(facts.advertise, source) {
        return Some(obstacle);
    }
    let Some(node) = facts.node else { return Some(Obstacle::Silent) };
    if admitting(facts, source).is_empty() {
        return Some(Obstacle::Allowlist);
    }
    let intent = facts.intent;
    let full = u64::from(intent.class().connections_max) <= node.connections;
    let no_password =
        !intent.password_free && intent.verifiers.is_empty() && intent.accounts.is_empty();
    let obstacles = [
        (node.generation < intent.generation, Obstacle::Pending),
        (full, Obstacle::Full),
        (no_password, Obstacle::Password),
    ];
    obstacles.into_iter().find(|(stands, _)| *stands).map(|(_, obstacle)| obstacle)
}

/// Names of all groups that admit a peer at `source`.
pub fn admitting<'a>(facts: &Facts<'a>, source: IpAddr) -> Vec<&'a str> {
    let shared = facts.shared.groups.iter();
    let shared = shared.filter(|group| crate::address_list::admits(&group.entries, source));
    let own = facts.intent.groups.admitting(source);
    own.into_iter().chain(shared.map(|group| group.name.as_str())).collect()
}

fn is_clients(source: IpAddr) -> bool {
    let is_broadcast = matches!(source, IpAddr::V4(address) if address.is_broadcast());
    !source.is_unspecified() && !source.is_multicast() && !is_broadcast
}

fn route(advertise: &str, source: IpAddr) -> Option<Obstacle> {
    let endpoint = advertise.parse::<IpAddr>().ok();
    let of_this_host = advertise == "localhost" || endpoint.is_some_and(|ip| ip.is_loopback());
    if of_this_host && !source.is_loopback() {
        return Some(Obstacle::Loopback);
    }
    // What has a name may have addresses of both families.
    let same = endpoint.is_none_or(|ip| ip.is_ipv4() == source.is_ipv4());
    (!same).then_some(Obstacle::Family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlist::{Change, Mode};
    use crate::instance::tests::sample;
    use admin::Verifier;

    fn serving(entries: &str) -> Instance {
        let mut instance = sample();
        let (group, mode) = ("default", Mode::Cover);
        let change = Change { group, attribute: None, mode, entries };
        instance.groups = instance.groups.changed(change).expect("well-formed");
        instance.verifiers.push(Verifier { salt: "00".into(), mac: "11".into() });
        instance
    }

    #[test]
    fn the_first_obstacle_is_told() {
        let shared = GlobalGroups::default();
        let intent = serving("10.0.0.0/8,2001:db8::/32,127.0.0.0/8");
        let mut bare = intent.clone();
        bare.verifiers.clear();
        let full = u64::from(intent.class().connections_max);
        let check = |source: &str, change: &dyn Fn(&mut Facts<'_>), expected| {
            let node = Some(NodeFacts { generation: intent.generation, connections: full - 1 });
            let (status, advertise) = (Status::Normal, "10.0.0.9");
            let mut facts = Facts { intent: &intent, status, advertise, shared: &shared, node };
            change(&mut facts);
            let found = diagnose(&facts, source.parse().expect("an address"));
            assert_eq!(found, expected, "{source} {facts:?}");
        };
        check("10.0.0.1", &|_| (), None);
        check("::ffff:10.0.0.1", &|_| (), None);
        for source in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"] {
            check(source, &|_| (), Some(Obstacle::Address));
        }
        let creating = Some(Obstacle::State(Status::Creating));
        check("11.0.0.1", &|facts| facts.status = Status::Creating, creating);
        check("10.0.0.1", &|facts| facts.status = Status::Flushing, None);
        check("10.0.0.1", &|facts| facts.advertise = "127.0.0.1", Some(Obstacle::Loopback));
        check("10.0.0.1", &|facts| facts.advertise = "localhost", Some(Obstacle::Loopback));
        check("127.0.0.1", &|facts| facts.advertise = "127.0.0.1", None);
        check("2001:db8::1", &|_| (), Some(Obstacle::Family));
        check("2001:db8::1", &|facts| facts.advertise = "cache.example", None);
        check("11.0.0.1", &|facts| facts.node = None, Some(Obstacle::Silent));
        check("11.0.0.1", &|_| (), Some(Obstacle::Allowlist));
        let told = |generation, connections| Some(NodeFacts { generation, connections });
        check("10.0.0.1", &|facts| facts.node = told(0, full), Some(Obstacle::Pending));
        check("10.0.0.1", &|facts| facts.node = told(1, full), Some(Obstacle::Full));
        let no_password = Facts {
            intent: &bare,
            status: Status::Normal,
            advertise: "10.0.0.9",
            shared: &shared,
            node: told(1, 0),
        };
        let found = diagnose(&no_password, "10.0.0.1".parse().expect("an address"));
        assert_eq!(found, Some(Obstacle::Password));
    }

    #[test]
    fn groups_of_both_kinds_admit() {
        let mut shared = GlobalGroups::default();
        shared.create("g-1".into(), "office", "cn-hangzhou", "10.0.0.0/8").expect("well-formed");
        let intent = serving("10.0.0.1");
        let node = Some(NodeFacts { generation: 1, connections: 0 });
        let (status, advertise) = (Status::Normal, "10.0.0.9");
        let facts = Facts { intent: &intent, status, advertise, shared: &shared, node };
        let names = |source: &str| admitting(&facts, source.parse().expect("an address"));
        assert_eq!(names("10.0.0.1"), ["default", "office"]);
        assert_eq!(names("10.0.0.2"), ["office"]);
        assert_eq!(names("11.0.0.2"), [""; 0]);
    }
}
