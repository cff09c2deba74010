//! Out of the recycle bin: RecoverInstance brings an instance back, DestroyInstance gives it up.
//! Both write the wish; the reconciler carries it out. Must not know what a node leaves behind.

use super::params::{INSTANCE_ID, Param, Params};
use super::table::{KVSTORE, LARDER};
use super::{
    Access, Action, Context, Done, create_instance, global_security_groups, making, views,
};
use crate::error::{self, ApiError};
use crate::store::documents::{self, Versioned};
use crate::store::{Expect, StoreError};
use crate::{recycle_bin, tasks};
use control_model::task::{Outcome, TaskKind};
use control_model::{Instance, recycle};
use serde_json::json;

/// DestroyInstance.
pub const DESTROY: Action = Action {
    name: "DestroyInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID],
    doc: "Takes a deleted instance out of the recycle bin and deletes its data at once.",
    token: None,
    handler: destroy,
};

/// RecoverInstance. The API upstream has no such action.
pub const RECOVER: Action = Action {
    name: "RecoverInstance",
    version: LARDER,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional("Port", create_instance::PORT, "wanted; its old one unless told"),
    ],
    doc: "Brings a deleted instance back out of the recycle bin, with its data and settings.",
    token: None,
    handler: recover,
};

/// The caller's instance in the bin.
fn find(context: &Context<'_>, id: &str) -> Result<Option<Versioned<Instance>>, ApiError> {
    let found = recycle_bin::get(context.store, id)?;
    Ok(found.filter(|read| read.value.account_id == context.account_id))
}

fn destroy(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("InstanceId");
    loop {
        let done = match find(context, id)? {
            // Given up already, and on its way out.
            Some(read) if read.value.kept.is_none() => true,
            Some(read) => recycle_bin::give_up(context.store, &read, context.now_unix_ms)?,
            None => give_up_on_the_way(context, id)?,
        };
        if done {
            return Ok(Done::now(json!({})));
        }
    }
}

/// Has an instance that is just being deleted not be kept. False when it is in the bin by now.
fn give_up_on_the_way(context: &Context<'_>, id: &str) -> Result<bool, ApiError> {
    let changed = documents::update_instance(context.store, id, |instance| {
        if instance.account_id != context.account_id {
            return Ok(Err(error::INSTANCE_NOT_FOUND.plain()));
        }
        if !instance.deleting {
            let cure = "DestroyInstance is for the recycle bin, DeleteInstance puts it there";
            return Ok(Err(wrong_state(context, instance, cure)));
        }
        instance.kept = None;
        Ok(Ok(Vec::new()))
    })?;
    match changed {
        Some(changed) => changed.map(|_| true),
        // It may have moved between the two looks.
        None if find(context, id)?.is_some() => Ok(false),
        None => Err(error::INSTANCE_NOT_FOUND.plain()),
    }
}

fn wrong_state(context: &Context<'_>, instance: &Instance, cure: &str) -> ApiError {
    let row = &error::INCORRECT_STATE;
    row.says(format!("{} It is {}; {cure}.", row.message, context.status(instance).name()))
}

fn recover(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("InstanceId");
    loop {
        let Some(read) = find(context, id)? else { return Err(not_there(context, id)?) };
        if !recycle::is_recoverable(&read.value, context.now_unix_ms) {
            return Err(error::INSTANCE_NOT_FOUND.plain());
        }
        making::room_for(context, 1)?;
        let wanted = params.integer("Port").and_then(|port| u16::try_from(port).ok());
        let port = making::free_port(context, wanted.unwrap_or(read.value.port))?;
        let (groups, unchanged) = global_security_groups::held(context)?;
        let is_there = |id: &str| groups.find(id).is_some();
        let mut instance = recycle::recover(&read.value, port, is_there);
        let task = (TaskKind::Recover, Outcome::Canceled);
        let opened = tasks::open(context.store, &mut instance, task, context.now_unix_ms)?;
        let mut changes = opened.1;
        if !instance.global_groups.is_empty() {
            changes.push(unchanged);
        }
        changes.extend([
            recycle_bin::take(&read),
            documents::put_instance(&instance, Expect::Absent),
            documents::claim_port(&instance, port),
        ]);
        match context.store.txn(&changes) {
            Ok(_) => {
                let status = context.status(&instance);
                let body = views::snapshot(&instance, status, context.settings);
                return Ok(Done { body, after: super::After::Nothing });
            }
            // A port, a group or the instance itself changed in between: look again.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Why an instance that is not in the bin cannot be brought back.
fn not_there(context: &Context<'_>, id: &str) -> Result<ApiError, ApiError> {
    let instance = context.instance(id)?;
    Ok(match (instance.deleting, instance.kept) {
        (true, Some(_)) => {
            let cure = "it is on its way into the recycle bin, ask again in a moment";
            wrong_state(context, &instance, cure)
        }
        (true, None) => error::INSTANCE_NOT_FOUND.plain(),
        (false, _) => {
            let cure = "RecoverInstance is for the recycle bin, which DescribeInstances lists with \
                        InstanceStatus=Released";
            wrong_state(context, &instance, cure)
        }
    })
}
