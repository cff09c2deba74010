//! Deleting an instance. Its clients lose it at once, so its id has to be typed, and the console's
//! password too unless that was typed a moment ago.

use super::{Fault, Frame, Outcome, draw};
use crate::door::{Member, redirect};
use askama::Template;
use axum::http::StatusCode;
use control::LoginError;

#[derive(Template)]
#[template(path = "delete.html")]
struct DeletePage {
    frame: Frame,
    id: String,
    typed: String,
    /// The password has to be typed.
    prove: bool,
    fault: Fault,
}

/// The question.
pub async fn show(member: Member) -> Outcome {
    form(&member, Fault::default())
}

/// Does it.
pub async fn submit(member: Member) -> Outcome {
    let id = &member.visit.target;
    if member.visit.field("confirm").trim() != id {
        return form(&member, Fault::at("confirm", "This is not the id of the instance."));
    }
    if let Err(error) = prove(&member).await {
        return form(&member, Fault::at("password", &format!("Not deleted: {error}.")));
    }
    match member.call("DeleteInstance", &[("InstanceId", id)]).await {
        Ok(_) => Ok(redirect("/console/instances?done=delete")),
        Err(refusal) if refusal.is_gone() => Ok(redirect("/console/instances?done=gone")),
        Err(refusal) => form(&member, Fault::of(&refusal, &[])),
    }
}

/// Asks for the console's password again, unless it was typed a moment ago.
///
/// # Errors
/// It is wrong.
pub async fn prove(member: &Member) -> Result<(), LoginError> {
    let visit = &member.visit;
    if member.session.proved(visit.console.now_ms()) {
        return Ok(());
    }
    let password = visit.field("password");
    visit.console.gate.login(&member.session.user, password, visit.source).await?;
    let now_ms = visit.console.now_ms();
    visit.console.sessions().prove(&visit.session_token, now_ms);
    Ok(())
}

fn form(member: &Member, fault: Fault) -> Outcome {
    let status =
        if fault.message.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = DeletePage {
        frame: Frame::for_session("Delete", Some(&member.session)),
        id: member.visit.target.clone(),
        typed: member.visit.field("confirm").to_owned(),
        prove: !member.session.proved(member.visit.console.now_ms()),
        fault,
    };
    draw(status, &page)
}
