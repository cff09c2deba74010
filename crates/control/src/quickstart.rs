//! The quickstart instance: made once through the same door as everyone's, found again by later
//! starts. Must not know how it is announced.

use crate::bootstrap::Credentials;
use crate::call::Call;
use crate::control::Control;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

const NAME: &str = "quickstart";
const TOKEN: &str = "larder-quickstart";
/// Long enough for a node that loads a large file.
const NORMAL_LIMIT: Duration = Duration::from_secs(120);

/// Where the quickstart instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quickstart {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl Quickstart {
    /// `redis://…` for redis-cli and client libraries.
    pub(crate) fn url(&self) -> String {
        let password = crate::signature::canonical::encode(&self.password);
        let v6 = self.host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if v6 { format!("[{}]", self.host) } else { self.host.clone() };
        format!("redis://default:{password}@{host}:{}/0", self.port)
    }
}

/// Why there is no quickstart instance.
#[derive(Debug, thiserror::Error)]
pub enum QuickstartError {
    /// An action said no.
    #[error("{action}: {answer}")]
    Refused {
        /// Which.
        action: &'static str,
        /// What it said.
        answer: Value,
    },
    /// It did not come up.
    #[error("the quickstart instance {id} is not ready after {} s; see its node.log", limit_s)]
    NotReady {
        /// Its id.
        id: String,
        /// How long was waited.
        limit_s: u64,
    },
}

/// Finds or makes the instance and waits until it serves.
///
/// # Errors
/// See [`QuickstartError`].
pub(crate) async fn ensure(
    control: &Control,
    credentials: &Credentials,
) -> Result<Quickstart, QuickstartError> {
    let steps = Steps { control, account_id: &credentials.account_id };
    let password = &credentials.quickstart_password;
    let id = loop {
        let made = steps.create(password).await?;
        let id = made["InstanceId"].as_str().unwrap_or_default().to_owned();
        // The one that the token stands for may be on its way out.
        if steps.becomes_normal(&id).await? {
            break id;
        }
    };
    steps.admit_this_host(&id).await?;
    let attribute = steps.attribute(&id).await?;
    Ok(Quickstart {
        host: attribute["ConnectionDomain"].as_str().unwrap_or_default().to_owned(),
        port: attribute["Port"].as_u64().and_then(|port| port.try_into().ok()).unwrap_or(0),
        password: password.clone(),
        id,
    })
}

struct Steps<'a> {
    control: &'a Control,
    account_id: &'a str,
}

impl Steps<'_> {
    async fn call(
        &self,
        action: &'static str,
        params: &[(&str, &str)],
    ) -> Result<Value, QuickstartError> {
        let call: Call = Control::own_call(self.account_id, action, params);
        let answer = self.control.call(call).await;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(QuickstartError::Refused { action, answer: answer.body }),
        }
    }

    async fn create(&self, password: &str) -> Result<Value, QuickstartError> {
        let params = [
            ("RegionId", control_model::region::REGION),
            ("Token", TOKEN),
            ("InstanceName", NAME),
            ("InstanceClass", "redis.shard.small.2.ce"),
            ("EngineVersion", "7.0"),
            ("Password", password),
        ];
        self.call("CreateInstance", &params).await
    }

    async fn attribute(&self, id: &str) -> Result<Value, QuickstartError> {
        let described = self.call("DescribeInstanceAttribute", &[("InstanceId", id)]).await?;
        Ok(described["Instances"]["DBInstanceAttribute"][0].clone())
    }

    /// Whether it serves in the end; false when it is gone. Looks again whenever the view of the
    /// host or the store changes.
    async fn becomes_normal(&self, id: &str) -> Result<bool, QuickstartError> {
        let mut view = self.control.shared.view.clone();
        let mut changes = self.control.shared.store.watch();
        let normal = async {
            loop {
                view.borrow_and_update();
                changes.borrow_and_update();
                // While the agent is unseen, Normal is only what was true before.
                let seen = view.borrow().host.is_known();
                match self.attribute(id).await {
                    Ok(item) if item["InstanceStatus"] == "Normal" && seen => return Ok(true),
                    Err(QuickstartError::Refused { answer, .. })
                        if answer["Code"] == "InvalidInstanceId.NotFound" =>
                    {
                        return Ok(false);
                    }
                    Err(error) => return Err(error),
                    Ok(_) => {}
                }
                tokio::select! {
                    _ = view.changed() => {}
                    _ = changes.changed() => {}
                }
            }
        };
        let limit_s = NORMAL_LIMIT.as_secs();
        let late = || QuickstartError::NotReady { id: id.to_owned(), limit_s };
        timeout(NORMAL_LIMIT, normal).await.unwrap_or_else(|_| Err(late()))
    }

    /// Lets this host in, unless its owner has touched the allowlist already.
    async fn admit_this_host(&self, id: &str) -> Result<(), QuickstartError> {
        let store = self.control.shared.store.as_ref();
        let found = crate::store::documents::get::<control_model::Instance>(
            store,
            crate::store::Kind::Instance,
            id,
        );
        if found.ok().flatten().is_some_and(|read| read.value.groups.is_touched()) {
            return Ok(());
        }
        let advertise = &self.control.shared.settings.advertise;
        let other = advertise.parse::<IpAddr>().is_ok() && advertise != "127.0.0.1";
        let ips = if other { format!("127.0.0.1,{advertise}") } else { "127.0.0.1".to_owned() };
        self.call("ModifySecurityIps", &[("InstanceId", id), ("SecurityIps", &ips)]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[test]
    fn urls() {
        let at = |host: &str, password: &str| {
            let (host, password) = (host.to_owned(), password.to_owned());
            Quickstart { id: "r-1".into(), host, port: 6380, password }.url()
        };
        assert_eq!(at("127.0.0.1", "Ab1_"), "redis://default:Ab1_@127.0.0.1:6380/0");
        assert_eq!(at("::1", "a@b/"), "redis://default:a%40b%2F@[::1]:6380/0");
    }

    #[tokio::test]
    async fn made_once_found_again_and_made_anew_after_its_end() {
        let world = World::new();
        let first = ensure(&world.control, &world.credentials).await.expect("made");
        assert_eq!((first.host.as_str(), first.port), ("127.0.0.1", 6379));
        let admitted = world.agent.specs().pop().expect("applied").settings.allowlist;
        assert_eq!(admitted, admin::Allowlist::Entries(vec!["127.0.0.1".into()]));
        let other = format!("InstanceId={}&SecurityIps=10.0.0.1", first.id);
        world.ok("ModifySecurityIps", &other).await;
        let again = ensure(&world.control, &world.credentials).await.expect("found");
        assert_eq!(again, first);
        let kept = world.agent.specs().pop().expect("applied").settings.allowlist;
        assert_eq!(kept, admin::Allowlist::Entries(vec!["10.0.0.1".into()]), "its owner's choice");
        world.ok("DeleteInstance", &format!("InstanceId={}", first.id)).await;
        let anew = ensure(&world.control, &world.credentials).await.expect("made anew");
        assert_ne!(anew.id, first.id);
    }
}
