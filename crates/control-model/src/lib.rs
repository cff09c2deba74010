//! Decisions of the control plane as pure functions over documents: validation, classes, lifecycle,
//! planning, policy. Time, randomness and observations come in as values; this crate must not know
//! stores, sockets, files or clocks.
#![forbid(unsafe_code)]

pub mod account;
pub mod address_list;
pub mod alarm;
pub mod allowlist;
pub mod connectivity;
pub mod cycle;
pub mod data_account;
pub mod global_group;
pub mod ident;
pub mod instance;
pub mod lifecycle;
pub mod metric;
pub mod name;
pub mod observation;
pub mod operation;
pub mod parameter;
pub mod parameter_group;
pub mod password;
pub mod planner;
pub mod policy;
pub mod port;
pub mod quota;
pub mod ram;
pub mod recycle;
pub mod region;
pub mod selector;
pub mod tagging;
pub mod task;
pub mod window;

pub use catalog::class;

pub use account::{AccessKey, Account, ConsoleUser, KeyState, Sealed};
pub use instance::{Instance, Tag};
pub use lifecycle::Status;
pub use observation::{HostView, Observed};
pub use planner::{BinStep, Step, plan, plan_released};
pub use task::Task;
pub use window::Window;
