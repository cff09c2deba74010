//! The console's view of the control plane: a gate that lets people in, and callers, each able to
//! do what its person may. A session holds a caller and nothing else of that person's rights.

use control::actions::table::{ACTIONS, KVSTORE};
use control::{Answer, Call, Control, LoginError, Principal, Via};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// A future that a trait object can give.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One action to call.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `CreateInstance`, …
    pub action: &'static str,
    /// Business parameters.
    pub params: BTreeMap<String, String>,
    /// Where the browser is.
    pub source: IpAddr,
    /// The browser's own name, for the audit log.
    pub user_agent: String,
    /// Asked by a page that refreshes itself, not by a click.
    pub background: bool,
}

/// Checks passwords.
pub trait Gate: Send + Sync {
    /// Lets a person in.
    fn login<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        source: IpAddr,
    ) -> Later<'a, Result<Arc<dyn Caller>, LoginError>>;
}

/// Calls actions as one person.
pub trait Caller: Send + Sync {
    /// Name to show.
    fn name(&self) -> &str;
    /// Runs one action.
    fn call(&self, ask: Ask) -> Later<'_, Answer>;
}

impl Gate for Control {
    fn login<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        source: IpAddr,
    ) -> Later<'a, Result<Arc<dyn Caller>, LoginError>> {
        Box::pin(async move {
            let principal = self.console_login(user, password, source).await?;
            let caller: Arc<dyn Caller> = Arc::new(Person { control: self.clone(), principal });
            Ok(caller)
        })
    }
}

/// A principal that logged in through the console.
struct Person {
    control: Control,
    principal: Principal,
}

impl Caller for Person {
    fn name(&self) -> &str {
        self.principal.name()
    }

    fn call(&self, ask: Ask) -> Later<'_, Answer> {
        let via = if ask.background { Via::ConsoleRefresh } else { Via::Console };
        let row = ACTIONS.iter().find(|row| row.name == ask.action);
        let call = Call {
            action: ask.action.to_owned(),
            version: row.map_or(KVSTORE, |row| row.version).to_owned(),
            params: ask.params,
            principal: self.principal.clone(),
            source: ask.source,
            via,
            user_agent: ask.user_agent,
        };
        Box::pin(self.control.call(call))
    }
}
