//! Attaching policies to users, groups and roles, detaching them, and telling what is attached.

use super::params::Params;
use super::ram::{self, GROUP_NAME, POLICY_NAME, POLICY_TYPE, ROLE_NAME, USER_NAME, reads, writes};
use super::{Action, Context, Done, views};
use crate::error::ApiError;
use control_model::ram::{Holder, not_exist};
use serde_json::json;

/// AttachPolicyToUser.
pub const TO_USER: Action = writes(
    "AttachPolicyToUser",
    &[POLICY_TYPE, POLICY_NAME, USER_NAME],
    "Gives a user a policy.",
    |context, params| attach(context, params, user(params)),
);

/// AttachPolicyToGroup.
pub const TO_GROUP: Action = writes(
    "AttachPolicyToGroup",
    &[POLICY_TYPE, POLICY_NAME, GROUP_NAME],
    "Gives the members of a group a policy.",
    |context, params| attach(context, params, group(params)),
);

/// AttachPolicyToRole.
pub const TO_ROLE: Action = writes(
    "AttachPolicyToRole",
    &[POLICY_TYPE, POLICY_NAME, ROLE_NAME],
    "Gives a role a policy.",
    |context, params| attach(context, params, role(params)),
);

/// DetachPolicyFromUser.
pub const FROM_USER: Action = writes(
    "DetachPolicyFromUser",
    &[POLICY_TYPE, POLICY_NAME, USER_NAME],
    "Takes a policy from a user.",
    |context, params| detach(context, params, user(params)),
);

/// DetachPolicyFromGroup.
pub const FROM_GROUP: Action = writes(
    "DetachPolicyFromGroup",
    &[POLICY_TYPE, POLICY_NAME, GROUP_NAME],
    "Takes a policy from a group.",
    |context, params| detach(context, params, group(params)),
);

/// DetachPolicyFromRole.
pub const FROM_ROLE: Action = writes(
    "DetachPolicyFromRole",
    &[POLICY_TYPE, POLICY_NAME, ROLE_NAME],
    "Takes a policy from a role.",
    |context, params| detach(context, params, role(params)),
);

/// ListPoliciesForUser.
pub const FOR_USER: Action = reads(
    "ListPoliciesForUser",
    &[USER_NAME],
    "Lists the policies of a user, without those of its groups.",
    |context, params| list(context, user(params)),
);

/// ListPoliciesForGroup.
pub const FOR_GROUP: Action = reads(
    "ListPoliciesForGroup",
    &[GROUP_NAME],
    "Lists the policies of a group.",
    |context, params| list(context, group(params)),
);

/// ListPoliciesForRole.
pub const FOR_ROLE: Action = reads(
    "ListPoliciesForRole",
    &[ROLE_NAME],
    "Lists the policies of a role.",
    |context, params| list(context, role(params)),
);

/// ListEntitiesForPolicy.
pub const ENTITIES: Action = reads(
    "ListEntitiesForPolicy",
    &[POLICY_TYPE, POLICY_NAME],
    "Lists whom a policy is attached to.",
    entities,
);

fn user<'a>(params: &Params<'a>) -> Holder<'a> {
    Holder::User(params.required("UserName"))
}

fn group<'a>(params: &Params<'a>) -> Holder<'a> {
    Holder::Group(params.required("GroupName"))
}

fn role<'a>(params: &Params<'a>) -> Holder<'a> {
    Holder::Role(params.required("RoleName"))
}

fn attach(
    context: &Context<'_>,
    params: &Params<'_>,
    holder: Holder<'_>,
) -> Result<Done, ApiError> {
    ram::change(context, |directory| {
        directory.attach(holder, ram::policy_ref(params), context.now_unix_ms)?;
        Ok(json!({}))
    })
}

fn detach(
    context: &Context<'_>,
    params: &Params<'_>,
    holder: Holder<'_>,
) -> Result<Done, ApiError> {
    ram::change(context, |directory| {
        directory.detach(holder, &ram::policy_ref(params))?;
        Ok(json!({}))
    })
}

fn list(context: &Context<'_>, holder: Holder<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let attached = directory.attached(holder)?.iter().filter_map(|attachment| {
        let mut view = ram::policy(&directory, &attachment.policy)?;
        view["AttachDate"] = views::time(attachment.attached_unix_ms).into();
        Some(view)
    });
    let attached: Vec<_> = attached.collect();
    Ok(Done::now(json!({"Policies": {"Policy": attached}})))
}

fn entities(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (directory, wanted) = (ram::directory(context)?, ram::policy_ref(params));
    if directory.document(&wanted).is_none() {
        return Err(not_exist("Policy", &wanted.name).into());
    }
    let of = |kind: &str| -> Vec<_> {
        let found = directory.holders(&wanted).filter(|(holder, _)| holder.entity() == kind);
        found
            .map(|(holder, since)| ram::holder(context.account_id, &directory, holder, since))
            .collect()
    };
    Ok(Done::now(json!({
        "Users": {"User": of("User")},
        "Groups": {"Group": of("Group")},
        "Roles": {"Role": of("Role")},
    })))
}
