//! The control plane of one host: HTTP API, one pipeline for every action, embedded store,
//! reconciler. Decisions live in `control-model`; this crate must not know the engine, nor how the
//! agent runs processes.
#![forbid(unsafe_code)]

pub mod actions;
mod agent;
mod alarms;
mod announce;
mod audit;
mod authority;
mod bootstrap;
mod brake;
mod call;
mod control;
mod directory;
mod drift;
pub mod error;
mod executor;
mod hex;
mod http;
mod listen;
mod mask;
mod metrics;
mod note;
mod observer;
mod parent;
mod pipeline;
mod quickstart;
mod random;
mod reconcile;
mod recycle_bin;
mod scrape;
mod serve;
mod signature;
mod state;
mod store;
mod supervisor;
mod tasks;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod throttle;
mod vault;
mod witness;

pub use alarms::MailError;
pub use audit::verify::{Finding as AuditFinding, Report as AuditReport};
pub use bootstrap::BootstrapError;
pub use call::{Answer, Call, LoginError, Principal, Via};
pub use control::Control;
pub use control_model::quota::INSTANCES_MAX;
pub use control_model::recycle::{DAYS as RECYCLE_DAYS, DAYS_MAX as RECYCLE_DAYS_MAX};
pub use ipnet::IpNet;
pub use quickstart::QuickstartError;
pub use serve::{ControlOptions, DEFAULT_API, ServeError, serve, verify_audit};
pub use state::{RestoreError, Restored, restore};
pub use store::{Kind as DocumentKind, StoreError};
pub use vault::VaultError;
