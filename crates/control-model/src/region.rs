//! Regions and zones. One host is one region with one zone, but any well-formed id that a client
//! was written for is taken and kept: an SDK pointed here need not change its region.

/// The region that this installation names itself.
pub const REGION: &str = "larder-local-1";

/// Its one zone.
pub const ZONE: &str = "larder-local-1a";

/// Whether this can be a region or zone id: 2–64 lower-case letters, digits and `-`, a letter
/// first. Upper case is allowed after the first character for markers such as `MAZ`.
pub fn well_formed(id: &str) -> bool {
    (2..=64).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-(),".contains(&c))
}

/// The zone of an instance for which none was asked.
pub fn default_zone(region_id: &str) -> String {
    if region_id == REGION { ZONE.to_owned() } else { format!("{region_id}-a") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for id in
            [REGION, ZONE, "cn-hangzhou", "cn-hangzhou-h", "cn-hangzhou-MAZ5(b,c)", "us-east-1"]
        {
            assert!(well_formed(id), "{id}");
        }
        for id in ["", "a", "-cn", "cn-", "CN", "cn hangzhou", "cn/../x", "1a"] {
            assert!(!well_formed(id), "{id}");
        }
        assert_eq!(default_zone(REGION), ZONE);
        assert_eq!(default_zone("cn-beijing"), "cn-beijing-a");
    }
}
