//! Restarting an instance.

use super::{Frame, Outcome, draw};
use crate::door::{Member, redirect};
use askama::Template;
use axum::http::StatusCode;

#[derive(Template)]
#[template(path = "restart.html")]
struct RestartPage {
    frame: Frame,
    id: String,
}

/// The question.
pub async fn show(member: Member) -> Outcome {
    let frame = Frame::for_session("Restart", Some(&member.session));
    draw(StatusCode::OK, &RestartPage { frame, id: member.visit.target.clone() })
}

/// Does it.
pub async fn submit(member: Member) -> Outcome {
    let id = &member.visit.target;
    member.call("RestartInstance", &[("InstanceId", id)]).await?;
    Ok(redirect(&format!("/console/instances/{id}?done=restart")))
}
