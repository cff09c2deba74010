//! `larder instance allow`.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use crate::output;
use clap::{Args, ValueEnum};

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Addresses and CIDR blocks, separated by spaces or commas; 0.0.0.0/0 is everybody
    #[arg(value_name = "IP", required = true, value_delimiter = ',')]
    entries: Vec<String>,
    /// What to do with the entries
    #[arg(long, value_enum, default_value_t = Mode::Cover)]
    mode: Mode,
    /// Group of entries to change; access is the union of all groups
    #[arg(long, default_value = "default")]
    group: String,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to do with the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// They replace those of the group
    Cover,
    /// They are added
    Append,
    /// They are taken away
    Delete,
}

impl Mode {
    fn wire(self) -> &'static str {
        match self {
            Self::Cover => "Cover",
            Self::Append => "Append",
            Self::Delete => "Delete",
        }
    }
}

/// Changes one group and shows all of them.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let entries = options.entries.join(",");
    let id = ("InstanceId", &*options.instance_id);
    let params = [
        id,
        ("SecurityIps", &*entries),
        ("SecurityIpGroupName", &*options.group),
        ("ModifyMode", options.mode.wire()),
    ];
    session.call("ModifySecurityIps", &params)?;
    let answer = session.call("DescribeSecurityIps", &[id])?;
    session.show(&answer, || {
        let groups = answer["SecurityIpGroups"]["SecurityIpGroup"].as_array();
        let rows: Vec<Vec<String>> = groups
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(|group| {
                let text = |name: &str| output::text(&group[name]);
                vec![text("SecurityIpGroupName"), text("SecurityIpList").replace(',', ", ")]
            })
            .collect();
        output::table(&["GROUP", "ENTRIES"], &rows)
    })
}
