//! CreateGroup, GetGroup, UpdateGroup, DeleteGroup, ListGroups, and who is in a group.

use super::params::{Kind, Param, Params};
use super::ram::{self, GROUP_NAME, MARKER, MAX_ITEMS, USER_NAME, reads, writes};
use super::{Action, Context, Done, views};
use crate::error::ApiError;
use crate::random;
use control_model::ident;
use control_model::ram::Group;
use serde_json::json;

/// CreateGroup.
pub const CREATE: Action = writes(
    "CreateGroup",
    &[GROUP_NAME, Param::optional("Comments", Kind::Text, "for people")],
    "Makes a group.",
    create,
);

/// GetGroup.
pub const GET: Action = reads("GetGroup", &[GROUP_NAME], "Shows a group.", get);

/// UpdateGroup.
pub const UPDATE: Action = writes(
    "UpdateGroup",
    &[
        GROUP_NAME,
        Param::optional("NewGroupName", Kind::Text, "another name; members and policies stay"),
        Param::optional("NewComments", Kind::Text, "other comments"),
    ],
    "Changes a group's name or comments.",
    update,
);

/// DeleteGroup.
pub const DELETE: Action =
    writes("DeleteGroup", &[GROUP_NAME], "Deletes a group without members and policies.", delete);

/// ListGroups.
pub const LIST: Action = reads("ListGroups", &[MARKER, MAX_ITEMS], "Lists groups by name.", list);

/// AddUserToGroup.
pub const ADD: Action =
    writes("AddUserToGroup", &[USER_NAME, GROUP_NAME], "Puts a user into a group.", add);

/// RemoveUserFromGroup.
pub const REMOVE: Action =
    writes("RemoveUserFromGroup", &[USER_NAME, GROUP_NAME], "Takes a user out of a group.", remove);

/// ListUsersForGroup.
pub const USERS: Action = reads(
    "ListUsersForGroup",
    &[GROUP_NAME, MARKER, MAX_ITEMS],
    "Lists the members of a group.",
    users,
);

/// ListGroupsForUser.
pub const GROUPS: Action =
    reads("ListGroupsForUser", &[USER_NAME], "Lists the groups of a user.", groups);

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let group = Group {
        group_id: ident::group_id(&mut random::fill),
        name: params.required("GroupName").to_owned(),
        comments: params.text("Comments").unwrap_or_default().to_owned(),
        created_unix_ms: context.now_unix_ms,
        updated_unix_ms: context.now_unix_ms,
        ..Group::default()
    };
    ram::change(context, |directory| {
        directory.create_group(group.clone())?;
        Ok(json!({"Group": ram::group(&group)}))
    })
}

fn get(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let group = directory.group(params.required("GroupName"))?;
    Ok(Done::now(json!({"Group": ram::group(group)})))
}

fn update(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (name, new_name) = (params.required("GroupName"), params.text("NewGroupName"));
    let comments = params.text("NewComments");
    ram::change(context, |directory| {
        let group = directory.update_group(name, new_name, comments, context.now_unix_ms)?;
        Ok(json!({"Group": ram::group(group)}))
    })
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    ram::change(context, |directory| {
        directory.delete_group(params.required("GroupName"))?;
        Ok(json!({}))
    })
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let groups = directory.groups.iter().map(|(name, group)| (name.clone(), ram::group(group)));
    Ok(ram::page(params, ("Groups", "Group"), groups))
}

fn add(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (group, user) = (params.required("GroupName"), params.required("UserName"));
    ram::change(context, |directory| {
        directory.add_member(group, user, context.now_unix_ms)?;
        Ok(json!({}))
    })
}

fn remove(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (group, user) = (params.required("GroupName"), params.required("UserName"));
    ram::change(context, |directory| {
        directory.remove_member(group, user)?;
        Ok(json!({}))
    })
}

fn users(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let members = &directory.group(params.required("GroupName"))?.members;
    let shown = members.iter().filter_map(|(name, joined)| {
        let mut view = ram::user(directory.users.get(name)?);
        view["JoinDate"] = views::time(*joined).into();
        Some((name.clone(), view))
    });
    Ok(ram::page(params, ("Users", "User"), shown))
}

fn groups(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let user = directory.user(params.required("UserName"))?;
    let shown = directory.groups.values().filter_map(|group| {
        let joined = group.members.get(&user.name)?;
        let mut view = ram::group(group);
        view["JoinDate"] = views::time(*joined).into();
        Some(view)
    });
    let shown: Vec<_> = shown.collect();
    Ok(Done::now(json!({"Groups": {"Group": shown}})))
}
