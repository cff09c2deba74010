//! Going on after a restart: an RDB file says which history its data comes from and how far, so
//! that replicas and primaries need not exchange the whole data set.

use super::Links;
use crate::shared::{Shared, new_id};
use journal::Identity;
use persist::rdb::LoadReport;

/// Facts of a file, by name.
pub type Facts = Vec<(&'static str, String)>;

/// What a file tells about the history that its data comes from; nothing while none is kept.
#[must_use]
pub fn facts(stream_db: Option<u16>, id: &str, offset: u64) -> Facts {
    let Some(db) = stream_db else { return Vec::new() };
    vec![
        ("repl-stream-db", db.to_string()),
        ("repl-id", id.to_owned()),
        ("repl-offset", offset.to_string()),
    ]
}

impl Links {
    /// Database that the stream has selected at its end; `None` while no history is kept.
    #[must_use]
    pub fn stream_db(&self, shared: &Shared) -> Option<u16> {
        self.keeps_backlog().then(|| shared.journal.selected_db().unwrap_or(0))
    }

    /// Takes over the history of a file that has been read at the start. One that held dead keys
    /// is not gone on from: their deletion is in nobody's stream.
    pub fn resume(&self, shared: &Shared, report: &LoadReport) {
        let fact = |name: &str| {
            report.facts.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
        };
        let offset = fact("repl-offset").and_then(|text| text.parse::<u64>().ok());
        let id = fact("repl-id").filter(|id| id.len() == 40 && id.is_ascii());
        let (Some(id), Some(offset), 0) = (id, offset, report.dead) else { return };
        let known = Identity { id: id.to_owned(), second_id: None, second_until: 0 };
        self.keep_backlog(shared);
        shared.journal.restart_at(offset);
        // A replica goes on as it was; a primary starts a history that those who followed it know.
        let replica = !shared.config.lock().get("replicaof").is_empty();
        shared.journal.set_identity(match replica {
            true => known,
            false => known.renamed(&new_id(&*shared.host), offset),
        });
        let db = fact("repl-stream-db").and_then(|text| text.parse().ok()).unwrap_or(0);
        shared.upstream.set_stream_db(db);
    }
}
