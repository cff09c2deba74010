//! Which instances a listing shows: filters and pages over intents and statuses. Must not know
//! where the list comes from.

use crate::instance::{Instance, Tag};
use crate::lifecycle::Status;
use crate::tagging;

/// Filters of a listing; an absent one lets everything pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// Only these ids.
    pub instance_ids: Option<Vec<String>>,
    /// Part of id or name.
    pub search: Option<String>,
    /// `InstanceStatus`.
    pub status: Option<String>,
    /// Exact attributes, by API name.
    pub exact: Vec<(Exact, String)>,
    /// All of these tags; an empty value stands for any.
    pub tags: Vec<Tag>,
}

/// Attributes that can be asked for by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// `ArchitectureType`.
    Architecture,
    /// `ChargeType`.
    Charge,
    /// `EditionType`.
    Edition,
    /// `EngineVersion`.
    EngineVersion,
    /// `Expired`.
    Expired,
    /// `InstanceClass`.
    Class,
    /// `InstanceType`.
    Engine,
    /// `NetworkType`.
    Network,
    /// `NodeType`.
    Node,
    /// `ResourceGroupId`.
    ResourceGroup,
    /// `VpcId`.
    Vpc,
    /// `VSwitchId`.
    VSwitch,
    /// `ZoneId`.
    Zone,
}

impl Selector {
    /// Whether the listing shows this instance.
    pub fn matches(&self, intent: &Instance, status: Status) -> bool {
        let among = |ids: &Vec<String>| ids.contains(&intent.instance_id);
        let found = |part: &String| {
            intent.instance_id.contains(part.as_str()) || intent.name.contains(part.as_str())
        };
        self.instance_ids.as_ref().is_none_or(among)
            && self.search.as_ref().is_none_or(found)
            && self.status.as_ref().is_none_or(|wanted| wanted == status.name())
            && self.exact.iter().all(|(attribute, wanted)| attribute.has(intent, wanted))
            && tagging::has_all(intent, &self.tags)
    }
}

impl Exact {
    fn has(self, intent: &Instance, wanted: &str) -> bool {
        match self {
            Exact::Architecture => wanted == "standard",
            Exact::Charge => wanted == "PostPaid",
            Exact::Edition => wanted == "Community",
            Exact::EngineVersion => wanted == intent.engine_version,
            Exact::Expired => wanted.eq_ignore_ascii_case("false"),
            Exact::Class => wanted == intent.class,
            Exact::Engine => wanted == "Redis",
            Exact::Network => wanted == intent.network_type,
            Exact::Node => node_type(wanted) == node_type(&intent.node_type),
            Exact::ResourceGroup => wanted == intent.resource_group_id,
            Exact::Vpc => wanted == intent.vpc_id,
            Exact::VSwitch => wanted == intent.vswitch_id,
            Exact::Zone => wanted == intent.zone_id,
        }
    }
}

/// The API has two words for each node type; this is the longer.
pub fn node_type(word: &str) -> &str {
    match word {
        "double" => "MASTER_SLAVE",
        "single" => "STAND_ALONE",
        other => other,
    }
}

/// The items of page `number` (from 1) with `size` items each.
pub fn page<T>(items: Vec<T>, number: usize, size: usize) -> Vec<T> {
    items.into_iter().skip(number.saturating_sub(1).saturating_mul(size)).take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    #[test]
    fn filters() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let intent = Instance { tags: vec![tag("env", "test")], ..sample() };
        let exact = |attribute, wanted: &str| Selector {
            exact: vec![(attribute, wanted.into())],
            ..Selector::default()
        };
        let ids = |ids: &[&str]| Selector {
            instance_ids: Some(ids.iter().map(|&id| id.into()).collect()),
            ..Selector::default()
        };
        let search = |part: &str| Selector { search: Some(part.into()), ..Selector::default() };
        let state = |word: &str| Selector { status: Some(word.into()), ..Selector::default() };
        let tags = |tag: Tag| Selector { tags: vec![tag], ..Selector::default() };
        let rows = [
            (Selector::default(), true),
            (ids(&["r-x", "r-000000000000aaaa"]), true),
            (ids(&["r-x"]), false),
            (search("ach"), true),
            (search("aaaa"), true),
            (search("zzz"), false),
            (state("Normal"), true),
            (state("Creating"), false),
            (exact(Exact::Class, "redis.shard.small.2.ce"), true),
            (exact(Exact::Class, "redis.shard.mid.2.ce"), false),
            (exact(Exact::Node, "double"), true),
            (exact(Exact::Node, "single"), false),
            (exact(Exact::Expired, "True"), false),
            (exact(Exact::Engine, "Memcache"), false),
            (tags(tag("env", "test")), true),
            (tags(tag("env", "")), true),
            (tags(tag("env", "prod")), false),
        ];
        for (selector, expected) in rows {
            assert_eq!(selector.matches(&intent, Status::Normal), expected, "{selector:?}");
        }
    }

    #[test]
    fn pages() {
        let items: Vec<_> = (0..7).collect();
        assert_eq!(page(items.clone(), 1, 3), [0, 1, 2]);
        assert_eq!(page(items.clone(), 3, 3), [6]);
        assert!(page(items.clone(), 4, 3).is_empty());
        assert!(page(items, usize::MAX, 50).is_empty());
    }
}
