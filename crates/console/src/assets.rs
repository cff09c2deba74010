//! Files that pages link to, compiled in. One table; a file's address carries a digest of its
//! bytes, so browsers may keep it for ever.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// One file.
pub struct Asset {
    /// Name in the address.
    pub name: &'static str,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub bytes: &'static [u8],
}

/// All files.
pub const ASSETS: &[Asset] = &[
    Asset {
        name: "console.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/console.css"),
    },
    Asset {
        name: "console.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/console.js"),
    },
    Asset {
        name: "htmx.min.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/htmx.min.js"),
    },
    Asset {
        name: "htmx.LICENSE.txt",
        media_type: "text/plain; charset=utf-8",
        bytes: include_bytes!("../assets/htmx.LICENSE.txt"),
    },
    Asset {
        name: "larder.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../assets/larder.svg"),
    },
];

static VERSIONS: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    ASSETS
        .iter()
        .map(|asset| {
            let digest = Sha256::digest(asset.bytes);
            let version: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
            (asset.name, version)
        })
        .collect()
});

/// The file of this name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Address of a file, for templates.
pub fn url(name: &str) -> String {
    let version = VERSIONS.iter().find(|row| row.0 == name).map_or("", |row| row.1.as_str());
    format!("/console/assets/{name}?v={version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_link_to_files_that_exist() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for name in text.split("asset(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(find(name).is_some(), "{name} in {}", path.display());
            }
        }
        assert!(url("console.css").starts_with("/console/assets/console.css?v="));
    }
}
