//! `larder instance tasks`.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use crate::output;
use clap::Args;
use serde_json::Value;

/// Earlier than any task: they are kept for 30 days.
const BEGINNING: &str = "2000-01-01T00:00:00Z";
/// Later than any.
const END: &str = "9000-01-01T00:00:00Z";

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Only of this instance
    #[arg(value_name = "ID")]
    instance_id: Option<String>,
    /// Only in this status: Scheduled, Running, Succeed, Failed or Canceled
    #[arg(long)]
    status: Option<String>,
    /// Page to show
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    page: u32,
    /// Tasks per page, at most 100
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    page_size: u32,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Shows one page, the newest first, and says when there are more.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let region = session.region(None);
    let (page, page_size) = (options.page.to_string(), options.page_size.to_string());
    let mut params = vec![
        ("RegionId", &*region),
        ("FromStartTime", BEGINNING),
        ("ToStartTime", END),
        ("PageNumber", &*page),
        ("PageSize", &*page_size),
    ];
    params.extend(options.instance_id.as_deref().map(|id| ("InstanceId", id)));
    params.extend(options.status.as_deref().map(|status| ("Status", status)));
    let answer = session.call("DescribeHistoryTasks", &params)?;
    session.show(&answer, || table(&answer))?;
    let shown = items(&answer).len() as u64;
    let total = answer["TotalCount"].as_u64().unwrap_or(shown);
    if shown < total {
        session.terminal.note(&format!("{shown} of {total} tasks; see --page and --page-size"));
    }
    Ok(())
}

fn items(answer: &Value) -> &[Value] {
    answer["Items"].as_array().map_or(&[], Vec::as_slice)
}

fn table(answer: &Value) -> String {
    let row = |task: &Value| {
        let text = |name: &str| output::text(&task[name]);
        vec![
            text("TaskId"),
            text("TaskType"),
            text("InstanceId"),
            text("Status"),
            format!("{} %", text("Progress")),
            text("CurrentStepName"),
            text("StartTime"),
            text("EndTime"),
        ]
    };
    let rows: Vec<Vec<String>> = items(answer).iter().map(row).collect();
    let headers = ["TASK", "TYPE", "INSTANCE", "STATUS", "DONE", "STEP", "STARTED", "ENDED"];
    output::table(&headers, &rows)
}
