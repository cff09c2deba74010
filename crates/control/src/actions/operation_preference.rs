//! ModifyActiveOperationMaintainConfig and DescribeActiveOperationMaintenanceConfig: on which days
//! what waits is begun, for all instances of the account. Each instance has a copy, written in the
//! same transaction. Must not know what waits.

use super::params::{Kind as ParamKind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use crate::store::documents::Versioned;
use crate::store::{Change, Expect, Kind, StoreError, documents};
use control_model::Instance;
use control_model::cycle::{Cycle, CycleFault, Preference, Unit};
use serde_json::json;

/// `Status` of the API.
const IN_FORCE: i64 = 1;
const AT_REST: i64 = 2;

/// ModifyActiveOperationMaintainConfig.
pub const MODIFY: Action = Action {
    name: "ModifyActiveOperationMaintainConfig",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        Param::optional("Status", ParamKind::OneOf(&["1", "2"]), "1: in force, 2: not; 1"),
        Param::optional("CycleType", ParamKind::OneOf(&["Week", "Month"]), "what days are of"),
        Param::optional(
            "CycleTime",
            ParamKind::Text,
            "1 is Monday; of a month 1 to 28; with commas",
        ),
        Param::optional("MaintainStartTime", ParamKind::Text, "HH:mm:00Z"),
        Param::optional("MaintainEndTime", ParamKind::Text, "HH:mm:00Z, an hour later or more"),
    ],
    doc: "Sets on which days what waits is begun, in place of the windows of your instances.",
    token: None,
    handler: modify,
};

/// DescribeActiveOperationMaintenanceConfig.
pub const DESCRIBE: Action = Action {
    name: "DescribeActiveOperationMaintenanceConfig",
    version: KVSTORE,
    access: Access::Read,
    params: &[],
    doc: "Tells on which days what waits is begun.",
    token: None,
    handler: describe,
};

fn read(context: &Context<'_>) -> Result<Option<Versioned<Preference>>, ApiError> {
    Ok(documents::get(context.store, Kind::Preference, context.account_id)?)
}

fn put(context: &Context<'_>, preference: &Preference, expect: Expect) -> Change {
    let account = context.account_id;
    documents::put(Kind::Preference, account, expect, account, preference)
}

/// Gives new instances the account's preference, and what makes sure that it stays so until they
/// are written.
///
/// # Errors
/// When the store fails.
pub fn hold(context: &Context<'_>, made: &mut [Instance]) -> Result<Change, ApiError> {
    let read = read(context)?;
    let kept = read.as_ref().and_then(|read| read.value.kept());
    for instance in made {
        instance.cycle.clone_from(&kept);
    }
    Ok(match read {
        Some(read) => put(context, &read.value, Expect::Revision(read.revision)),
        None => documents::delete(Kind::Preference, context.account_id, Expect::Absent),
    })
}

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let in_force = params.integer("Status") != Some(AT_REST);
    let asked = cycle(params, in_force)?;
    begin(context)?;
    context.settle(|| {
        let read = read(context)?;
        let expect = read.as_ref().map_or(Expect::Absent, |read| Expect::Revision(read.revision));
        let before = read.map(|read| read.value);
        let created = before.as_ref().map(|before| before.created_unix_ms);
        let preference = Preference {
            cycle: asked.clone().or(before.and_then(|before| before.cycle)),
            in_force,
            created_unix_ms: created.unwrap_or(context.now_unix_ms),
            modified_unix_ms: context.now_unix_ms,
        };
        let mut changes = vec![put(context, &preference, expect)];
        for mut read in documents::instances(context.store)? {
            let instance = &mut read.value;
            if instance.account_id == context.account_id && instance.cycle != preference.kept() {
                instance.cycle = preference.kept();
                changes.push(documents::put_instance(instance, Expect::Revision(read.revision)));
            }
        }
        Ok((changes, Done::now(json!({}))))
    })
}

/// Makes a preference that prefers nothing, where there is none: who makes an instance leaves a
/// trace in it, and none where nothing is.
fn begin(context: &Context<'_>) -> Result<(), ApiError> {
    if read(context)?.is_some() {
        return Ok(());
    }
    let (cycle, now_unix_ms) = (None, context.now_unix_ms);
    let (created_unix_ms, modified_unix_ms) = (now_unix_ms, now_unix_ms);
    let none = Preference { cycle, in_force: false, created_unix_ms, modified_unix_ms };
    match context.store.txn(&[put(context, &none, Expect::Absent)]) {
        // Somebody else has made one.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The cycle that a request names; it must name one that shall be in force.
fn cycle(params: &Params<'_>, is_needed: bool) -> Result<Option<Cycle>, ApiError> {
    let names = ["CycleType", "CycleTime", "MaintainStartTime", "MaintainEndTime"];
    if let Some(missing) = names.iter().find(|name| params.text(name).is_none()) {
        return if is_needed { Err(error::missing(missing)) } else { Ok(None) };
    }
    let unit = if params.text("CycleType") == Some("Week") { Unit::Week } else { Unit::Month };
    let times = (params.required("MaintainStartTime"), params.required("MaintainEndTime"));
    let parsed = Cycle::parse(unit, params.required("CycleTime"), times);
    parsed.map(Some).map_err(|fault| match fault {
        CycleFault::Days => {
            error::malformed("CycleTime", "days, 1 to 7 of a week or 1 to 28 of a month")
        }
        CycleFault::Start => error::malformed("MaintainStartTime", "HH:mm:00Z"),
        CycleFault::End => {
            error::malformed("MaintainEndTime", "HH:mm:00Z, at least an hour after the start")
        }
    })
}

fn describe(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    let preference = read(context)?.map(|read| read.value);
    let cycle = preference.as_ref().and_then(|preference| preference.cycle.as_ref());
    let in_force = preference.as_ref().is_some_and(|preference| preference.in_force);
    let [days, start, end] = cycle.map(Cycle::texts).unwrap_or_default();
    let time = |of: fn(&Preference) -> i64| {
        preference.as_ref().map(|it| views::time(of(it))).unwrap_or_default()
    };
    Ok(Done::now(json!({
        "HasConfig": i64::from(preference.is_some()),
        "Config": {
            "CycleType": cycle.map_or("", |cycle| cycle.unit.word()),
            // Documented so: days that are not kept to are 0.
            "CycleTime": if in_force { &days } else { "0" },
            "MaintainStartTime": start,
            "MaintainEndTime": end,
            "Status": if in_force { IN_FORCE } else { AT_REST },
            "CreatedTime": time(|it| it.created_unix_ms),
            "ModifiedTime": time(|it| it.modified_unix_ms),
        },
    })))
}
