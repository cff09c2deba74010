//! `larder control`: opens everything, serves API and console, announces, and stops on SIGTERM.
//! Must not know actions.

use crate::actions::Settings;
use crate::alarms::{Channels, MailError, Mailer};
use crate::announce::Announcement;
use crate::audit::verify::{Report, verify};
use crate::audit::{self, Audit, Durability};
use crate::bootstrap::{self, BootstrapError, Credentials};
use crate::control::{Control, Parts};
use crate::http;
use crate::listen;
use crate::metrics::Metrics;
use crate::parent::Parent;
use crate::quickstart::{self, QuickstartError};
use crate::scrape;
use crate::signature::replay::{KEEP_MS, ReplayCache};
use crate::store::embedded::EmbeddedStore;
use crate::store::{Expect, Kind, Store, StoreError, documents};
use crate::supervisor;
use crate::vault::{Vault, VaultError, make_private_dir, write_private};
use axum::Router;
use control_model::account::AuditMark;
use serde_json::json;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use stdx::Reserve;
use stdx::reserve::Sizes;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long answers under way may take after SIGTERM.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// Disk space for the store and the audit log. One document or line takes little; what is short is
/// refused long before.
const RESERVE: Sizes = Sizes {
    kept_bytes: 16 << 20,
    floor_bytes: 4 << 20,
    write_bytes_min: 1 << 20,
    short_bytes: 64 << 20,
};

/// Where in the data directory the audit log is.
const AUDIT_DIR: &str = "control";

/// How `larder control` was started.
#[derive(Debug, Clone)]
pub struct ControlOptions {
    /// `--data-dir`; holds `master.key`, `control/` and `agent/`.
    pub data_dir: PathBuf,
    /// Address of API and console; [`DEFAULT_API`] unless told.
    pub api: SocketAddr,
    /// `--advertise`: address that clients are told to connect to.
    pub advertise: String,
    /// `--max-instances`: most instances of this host.
    pub instances_max: usize,
    /// `--recycle-days`: how many days deleted instances can be brought back; 0: they cannot.
    pub recycle_days: u32,
    /// The agent's socket, `<data-dir>/agent/agent.sock`.
    pub agent_socket: PathBuf,
    /// Create and announce the quickstart instance.
    pub quickstart: bool,
    /// Written once everything serves.
    pub ready_file: Option<PathBuf>,
    /// `LARDER_SMTP_URL` and `LARDER_SMTP_FROM`: the server that alarms are mailed through.
    pub smtp: Option<(String, String)>,
    /// `LARDER_WEBHOOK_DENY`: networks that alarms must not be posted to, beside those that never
    /// are.
    pub webhook_deny: Vec<ipnet::IpNet>,
    /// `--parent-pid`: the agent that started this process; it ends when the agent does.
    pub parent_pid: Option<u32>,
}

/// 127.0.0.1:8077.
pub const DEFAULT_API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8077);

/// Why the control plane does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// See [`StoreError`].
    #[error("opening the store: {0}")]
    Store(#[from] StoreError),
    /// See [`VaultError`].
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// See [`BootstrapError`].
    #[error("reading the first start's credentials: {0}")]
    Bootstrap(#[from] BootstrapError),
    /// See [`QuickstartError`].
    #[error("making the quickstart instance: {0}")]
    Quickstart(#[from] QuickstartError),
    /// See [`MailError`].
    #[error(transparent)]
    Mail(#[from] MailError),
    /// A write to the store failed.
    #[error("the store's disk failed; the store has to be opened anew")]
    StoreBroken,
    /// The operating system said no.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// What happened.
        source: io::Error,
    },
}

fn failed(doing: impl Into<String>) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::System { doing: doing.into(), source }
}

/// Serves until SIGTERM, SIGINT or the end of the parent. `extra` adds the console's routes.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve<F>(options: ControlOptions, extra: F) -> Result<(), ServeError>
where
    F: FnOnce(Control) -> Router + Send,
{
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("waiting for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed("waiting for SIGINT"))?;
    let parent = options.parent_pid.map(Parent::watch).transpose();
    let parent = parent.map_err(failed("watching the agent"))?;
    let listener = TcpListener::bind(options.api).await;
    let listener = listener.map_err(failed(format!("listening on {}", options.api)))?;
    let address = listener.local_addr().map_err(failed("reading the API's address"))?;
    let (control, credentials, broken) = open(&options, address)?;
    let app = http::routes(control.clone()).merge(extra(control.clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut server = tokio::spawn(listen::serve(listener, app, stopped));
    let ready = announce(&options, &control, &credentials);
    let outcome = tokio::select! {
        done = async {
            match ready.await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            }
        } => Err(done),
        ended = &mut server => {
            return ended.map_err(io::Error::other).map_err(failed("serving the API"));
        }
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = ended(parent) => Ok(()),
        // The next process reads what the disk really has.
        () = broken.notified() => Err(ServeError::StoreBroken),
    };
    drop(stop);
    // A console page may hold its connection open for ever.
    let _ = timeout(DRAIN_LIMIT, server).await;
    if let Err(error) = control.shared.metrics.flush() {
        tracing::warn!("the newest metrics are lost: {error}");
    }
    outcome
}

/// Never returns without a parent.
async fn ended(parent: Option<Parent>) {
    match parent {
        Some(mut parent) => parent.ended().await,
        None => std::future::pending().await,
    }
}

fn open(
    options: &ControlOptions,
    address: SocketAddr,
) -> Result<(Control, Credentials, Arc<Notify>), ServeError> {
    let data_dir = &options.data_dir;
    let making = format!("making {}", data_dir.display());
    make_private_dir(data_dir).map_err(failed(making))?;
    let vault = Vault::open(&data_dir.join("master.key"))?;
    let audit_dir = data_dir.join(AUDIT_DIR);
    make_private_dir(&audit_dir).map_err(failed("making the control plane's directory"))?;
    let reserve = Reserve::open(&audit_dir.join("reserve"), RESERVE).map(Arc::new);
    let reserve = reserve.map_err(failed("keeping disk space"))?;
    let store = reserve.lend(|| EmbeddedStore::open(&data_dir.join("control/store.redb")));
    let store = store.ok_or(StoreError::DiskFull)??.with_reserve(reserve.clone());
    let broken = store.broken();
    let store: Arc<dyn Store> = Arc::new(store);
    let clock = Arc::new(|| jiff::Timestamp::now().as_millisecond());
    let interrupted = audit::interrupted(&audit_dir);
    let interrupted = interrupted.map_err(failed("reading the audit log"))?;
    let audit = Audit::open(&audit_dir, vault.audit_key(), reserve.clone(), clock());
    let audit = audit.map_err(failed("opening the audit log"))?;
    remember(store.as_ref(), &audit, clock())?;
    for line in interrupted {
        let told = audit.append(line, Durability::Synced, clock());
        told.map_err(failed("writing the audit log"))?;
    }
    let mut replay = ReplayCache::new(KEEP_MS);
    let used = audit::used_nonces(&audit_dir, clock() - KEEP_MS);
    for used in used.map_err(failed("reading the audit log"))? {
        replay.use_nonce(&used.access_key_id, &used.nonce, used.unix_ms);
    }
    let credentials = bootstrap::credentials(store.as_ref(), &vault, clock())?;
    let settings = Settings {
        advertise: options.advertise.clone(),
        api: reachable(address),
        instances_max: options.instances_max,
        recycle_days: options.recycle_days,
        key_id: vault.key_id().to_owned(),
    };
    let bind = bind_address(&options.advertise).to_string();
    let agent_socket = options.agent_socket.clone();
    let metrics = Arc::new(Metrics::new(data_dir.join("control/metrics")));
    let token = data_dir.join("control/metrics.token");
    let written = reserve.lend(|| scrape::write_token(&vault, &token));
    let written = written.unwrap_or_else(|| Err(io::ErrorKind::StorageFull.into()));
    written.map_err(failed(format!("writing {}", token.display())))?;
    let mailer = options.smtp.as_ref().map(|(url, from)| Mailer::new(url, from)).transpose()?;
    let channels = Some(Channels { mailer, denied: options.webhook_deny.clone() });
    let parts = Parts {
        store,
        vault,
        audit,
        reserve: Some(reserve),
        agent_socket,
        settings,
        bind,
        clock,
        replay,
        metrics,
        channels,
    };
    Ok((Control::start(parts), credentials, broken))
}

/// Keeps in the store how far the audit log was, so that an older one put in its place is noticed.
fn remember(store: &dyn Store, audit: &Audit, now_unix_ms: i64) -> Result<(), ServeError> {
    const ID: &str = "1";
    let known = documents::get::<AuditMark>(store, Kind::AuditMark, ID)?;
    if let Some(known) = known.filter(|read| audit.last_seq() <= read.value.last_seq) {
        let line = json!({"event": "replaced", "store_saw": known.value.last_seq});
        tracing::error!("the audit log is older than the store: {line}");
        let line = audit::told(now_unix_ms, line);
        let told = audit.append(line, Durability::Synced, now_unix_ms);
        told.map_err(failed("writing the audit log"))?;
    }
    let mark = AuditMark { last_seq: audit.last_seq() };
    store.txn(&[documents::put(Kind::AuditMark, ID, Expect::Any, "", &mark)])?;
    Ok(())
}

/// Walks the audit log of a data directory, also while its control plane runs.
///
/// # Errors
/// When its key or its files cannot be read.
pub fn verify_audit(data_dir: &Path) -> Result<Report, ServeError> {
    let vault = Vault::read(&data_dir.join("master.key"))?;
    let walked = verify(&data_dir.join(AUDIT_DIR), &vault.audit_key());
    walked.map_err(failed("reading the audit log"))
}

/// The API's `host:port` as this host reaches it.
fn reachable(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port()).to_string()
}

/// What nodes bind. Loopback stays loopback; an address that others reach need not be one of this
/// host's own, so everything else binds all interfaces and leaves the guard to the allowlist.
fn bind_address(advertise: &str) -> IpAddr {
    match advertise.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => ip,
        Ok(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) if advertise == "localhost" => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}

async fn announce(
    options: &ControlOptions,
    control: &Control,
    credentials: &Credentials,
) -> Result<(), ServeError> {
    let quickstart = match options.quickstart {
        true => Some(quickstart::ensure(control, credentials).await?),
        false => None,
    };
    let api = format!("http://{}", control.shared.settings.api);
    let announcement = Announcement { api: &api, credentials, quickstart: quickstart.as_ref() };
    // Who reads stdout may be gone; that is no reason not to serve.
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(announcement.text().as_bytes()).and_then(|()| stdout.flush());
    drop(stdout);
    if let Some(path) = &options.ready_file {
        let ready = format!("{:#}\n", announcement.ready());
        let writing = format!("writing {}", path.display());
        write_private(path, ready.as_bytes()).map_err(failed(writing))?;
    }
    if printed.is_ok() && !credentials.announced {
        bootstrap::mark_announced(control.shared.store.as_ref())?;
    }
    if let Ok(address) = std::env::var("NOTIFY_SOCKET") {
        supervisor::ready(&address).map_err(failed("telling the service manager"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let rows = [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("localhost", "127.0.0.1"),
            ("10.0.0.5", "0.0.0.0"),
            ("2001:db8::1", "::"),
            ("cache.example.org", "0.0.0.0"),
        ];
        for (advertise, bind) in rows {
            assert_eq!(bind_address(advertise).to_string(), bind, "{advertise}");
        }
        let shown = |text: &str| reachable(text.parse().expect("address"));
        assert_eq!(shown("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(shown("10.0.0.5:80"), "10.0.0.5:80");
        assert_eq!(shown("[::]:80"), "[::1]:80");
    }
}
