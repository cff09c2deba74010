//! Keeps the view of the host up to date by a long-poll on the agent; unknown while it is away.
//! Must not know what is wanted of the nodes.

use crate::agent::{AgentError, Connection};
use admin::agent::{AgentReply, AgentRequest};
use control_model::HostView;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const POLL_MS: u64 = 20_000;
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What is known of the host, and by which connection.
#[derive(Debug, Default)]
pub struct View {
    /// The nodes.
    pub host: HostView,
    /// Grows with each connection: what an earlier agent took is forgotten.
    pub session: u64,
}

/// Publishes views until the receivers are gone.
pub async fn run(socket: &Path, view: watch::Sender<Arc<View>>) {
    let mut session = 0;
    let mut pause = RETRY_FIRST;
    while !view.is_closed() {
        session += 1;
        let error = follow(socket, session, &view).await;
        let was_known = view.borrow().host.is_known();
        if was_known {
            tracing::warn!("lost sight of the nodes: {error}");
            pause = RETRY_FIRST;
        }
        view.send_replace(Arc::new(View { host: HostView::unknown(), session }));
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// Follows one agent until it is lost.
async fn follow(socket: &Path, session: u64, view: &watch::Sender<Arc<View>>) -> AgentError {
    let limit = Duration::from_millis(POLL_MS * 2);
    let mut connection = match timeout(limit, Connection::open(socket)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return error,
        Err(_) => return AgentError::TimedOut,
    };
    let mut request = AgentRequest::Observe;
    loop {
        let answered = timeout(limit, connection.ask(&request)).await;
        match answered.unwrap_or(Err(AgentError::TimedOut)) {
            Ok(AgentReply::Observed { revision, nodes }) => {
                publish(view, View { host: HostView::known(nodes), session });
                request = AgentRequest::Watch { after: revision, timeout_ms: POLL_MS };
            }
            Ok(_) => return AgentError::Unexpected,
            Err(error) => return error,
        }
    }
}

/// Wakes nobody when a long-poll ended without news.
fn publish(view: &watch::Sender<Arc<View>>, next: View) {
    view.send_if_modified(|present| {
        let news = present.session != next.session || present.host != next.host;
        if news {
            *present = Arc::new(next);
        }
        news
    });
}
