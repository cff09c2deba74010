//! Setting the password of an instance's own account.

use super::{Fault, Frame, Outcome, draw};
use crate::door::{Member, redirect};
use askama::Template;
use axum::http::StatusCode;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    id: String,
    fault: Fault,
}

/// The form.
pub async fn show(member: Member) -> Outcome {
    form(&member, Fault::default())
}

/// Sets it.
pub async fn submit(member: Member) -> Outcome {
    let id = &member.visit.target;
    let password = member.visit.field("password");
    if password != member.visit.field("again") {
        return form(&member, Fault::at("again", "The two passwords differ."));
    }
    let params = [("InstanceId", &**id), ("AccountName", &**id), ("AccountPassword", password)];
    match member.call("ResetAccountPassword", &params).await {
        Ok(_) => Ok(redirect(&format!("/console/instances/{id}?done=password"))),
        Err(refusal) if refusal.is_gone() => Err(refusal.into()),
        Err(refusal) => form(&member, Fault::of(&refusal, &["password"])),
    }
}

fn form(member: &Member, fault: Fault) -> Outcome {
    let status =
        if fault.message.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let frame = Frame::for_session("Password", Some(&member.session));
    draw(status, &PasswordPage { frame, id: member.visit.target.clone(), fault })
}
