//! Instances that were checked are written: all of one request or none, each with its task and a
//! port of its own, under the request's client token. Must not know how requests look.

use super::{Context, global_security_groups, operation_preference};
use crate::error::{self, ApiError};
use crate::store::{self, Change, Expect, StoreError, documents};
use crate::{random, recycle_bin, tasks};
use control_model::account::TokenClaim;
use control_model::task::{Outcome, TaskKind};
use control_model::{Instance, ident, port, quota};
use std::collections::HashSet;

/// Between the ids that one client token made.
const SEPARATOR: char = ',';

/// What an earlier request with this client token made and is still there; `None` when it made
/// nothing, or that is gone to the end and its claim with it.
///
/// # Errors
/// When the store fails.
pub fn made_before(context: &Context<'_>) -> Result<Option<Vec<Instance>>, ApiError> {
    let made = context.token.as_ref().and_then(|token| token.made.as_ref());
    let Some(made) = made else { return Ok(None) };
    let mut instances = Vec::new();
    for id in made.resource_id.split(SEPARATOR) {
        match context.instance(id) {
            Ok(instance) => instances.push(instance),
            Err(gone) if gone.code == error::INSTANCE_NOT_FOUND.code => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(instances).filter(|instances| !instances.is_empty()))
}

/// Refuses more instances than the installation is meant for.
///
/// # Errors
/// `QuotaExceed`, with the figures.
pub fn room_for(context: &Context<'_>, more: usize) -> Result<(), ApiError> {
    let usage = quota::Usage { instances: context.store.list(store::Kind::Instance)?.len() };
    let most = context.settings.instances_max;
    if quota::allows(usage, more, most) {
        return Ok(());
    }
    let text = format!(
        "This host has {} of at most {most} instances, {more} more were asked for; delete some, or \
         start larder up with a higher --max-instances.",
        usage.instances
    );
    Err(error::QUOTA_EXCEED.says(text))
}

/// Writes the intents, each under the first free port from the one that it wants.
///
/// # Errors
/// `QuotaExceed` without a free port, `ServiceUnavailable` while the same request is under way.
pub fn persist(context: &Context<'_>, instances: &mut [Instance]) -> Result<(), ApiError> {
    let wanted: Vec<u16> = instances.iter().map(|instance| instance.port).collect();
    loop {
        choose_ports(context, instances, &wanted)?;
        let changes = changes(context, instances)?;
        match context.store.txn(&changes) {
            Ok(_) => return Ok(()),
            // Someone took the port, or changed a group, between reading and writing: once more.
            Err(StoreError::Conflict {
                kind: store::Kind::Port | store::Kind::GlobalGroups | store::Kind::Preference,
                ..
            }) => {}
            Err(StoreError::Conflict {
                kind: store::Kind::Instance | store::Kind::Released,
                ..
            }) => {
                for instance in &mut *instances {
                    instance.instance_id = ident::instance_id(&mut random::fill);
                }
            }
            // The same request at the same time: the caller's next try finds what it made.
            Err(StoreError::Conflict { kind: store::Kind::Token, .. }) => {
                return Err(error::SERVICE_UNAVAILABLE.says("The same request is being processed."));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The first port from `wanted` on that no instance has.
///
/// # Errors
/// `QuotaExceed` when there is none.
pub fn free_port(context: &Context<'_>, wanted: u16) -> Result<u16, ApiError> {
    let taken = taken_ports(context)?;
    let free = port::choose(wanted, |port| taken.contains(&port));
    free.ok_or_else(|| error::QUOTA_EXCEED.says("All ports are taken."))
}

fn taken_ports(context: &Context<'_>) -> Result<HashSet<u16>, ApiError> {
    let claims = context.store.list(store::Kind::Port)?;
    Ok(claims.iter().filter_map(|claim| claim.id.parse().ok()).collect())
}

fn choose_ports(
    context: &Context<'_>,
    instances: &mut [Instance],
    wanted: &[u16],
) -> Result<(), ApiError> {
    let mut taken = taken_ports(context)?;
    for (instance, wanted) in instances.iter_mut().zip(wanted) {
        let free = port::choose(*wanted, |port| taken.contains(&port));
        instance.port = free.ok_or_else(|| error::QUOTA_EXCEED.says("All ports are taken."))?;
        taken.insert(instance.port);
    }
    Ok(())
}

/// Instances, ports, tasks and the token's claim, which goes with the first instance.
fn changes(context: &Context<'_>, instances: &mut [Instance]) -> Result<Vec<Change>, ApiError> {
    let mut changes = global_security_groups::hold(context, instances)?;
    changes.push(operation_preference::hold(context, instances)?);
    for (number, instance) in instances.iter_mut().enumerate() {
        instance.running = None;
        instance.token_key =
            context.token.as_ref().filter(|_| number == 0).map(|token| token.key.clone());
        let task = (TaskKind::Create, Outcome::Canceled);
        changes.extend(tasks::open(context.store, instance, task, context.now_unix_ms)?.1);
        changes.push(documents::put_instance(instance, Expect::Absent));
        changes.push(recycle_bin::has_none(&instance.instance_id));
        changes.push(documents::claim_port(instance, instance.port));
    }
    if let Some(token) = &context.token {
        let ids: Vec<_> = instances.iter().map(|instance| instance.instance_id.as_str()).collect();
        let claim = TokenClaim {
            fingerprint: token.claim_fingerprint.clone(),
            resource_id: ids.join(&SEPARATOR.to_string()),
        };
        let (account, absent) = (context.account_id, Expect::Absent);
        changes.push(documents::put(store::Kind::Token, &token.key, absent, account, &claim));
    }
    Ok(changes)
}
