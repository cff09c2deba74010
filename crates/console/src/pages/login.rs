//! Logging in and out. Every failed login looks the same, and the session's secret is new after
//! each one that succeeds.

use super::{Frame, Outcome, draw, sentence};
use crate::cookie::Cookie;
use crate::door::{Member, Visit, redirect, with_cookie};
use crate::guard::token_fits;
use crate::session::{Session, fresh_token};
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use control::LoginError;

const LIST: &str = "/console/instances";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: Frame,
    token: &'a str,
    user: &'a str,
    message: String,
}

/// `/console`: wherever this person belongs.
pub async fn home(_visit: Visit, session: Option<Session>) -> Outcome {
    Ok(redirect(if session.is_some() { LIST } else { "/console/login" }))
}

/// The form.
pub async fn show(visit: Visit, session: Option<Session>) -> Outcome {
    if session.is_some() {
        return Ok(redirect(LIST));
    }
    form(&visit, StatusCode::OK, "", String::new())
}

/// Checks the password and opens a session.
pub async fn submit(visit: Visit, _session: Option<Session>) -> Outcome {
    let user = visit.field("user").to_owned();
    if !token_fits(&visit.login_token, visit.fields.get("csrf").map(String::as_str)) {
        let message = "This page had been open for too long. Please try again.".to_owned();
        return form(&visit, StatusCode::FORBIDDEN, &user, message);
    }
    let gate = &visit.console.gate;
    let caller = match gate.login(&user, visit.field("password"), visit.source).await {
        Ok(caller) => caller,
        Err(error) => return refuse(&visit, &user, &error),
    };
    let now_ms = visit.console.now_ms();
    let (token, csrf) = (fresh_token(), fresh_token());
    let session =
        Session { caller, user, csrf, begun_ms: now_ms, used_ms: now_ms, proved_ms: now_ms };
    {
        let mut sessions = visit.console.sessions();
        sessions.close(&visit.session_token);
        sessions.open(&token, session);
    }
    let response = with_cookie(redirect(LIST), &Cookie::Session.set(visit.scheme, &token));
    Ok(with_cookie(response, &Cookie::Login.clear(visit.scheme)))
}

/// Ends the session.
pub async fn leave(member: Member) -> Outcome {
    let visit = &member.visit;
    visit.console.sessions().close(&visit.session_token);
    Ok(with_cookie(redirect("/console/login"), &Cookie::Session.clear(visit.scheme)))
}

fn refuse(visit: &Visit, user: &str, error: &LoginError) -> Outcome {
    let status = match error {
        // The page is the right answer to this form; the audit log has the failure.
        LoginError::WrongCredentials => StatusCode::OK,
        LoginError::Braked { .. } => StatusCode::TOO_MANY_REQUESTS,
        LoginError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = form(visit, status, user, sentence(&format!("{error}.")))?;
    if let LoginError::Braked { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    Ok(response)
}

fn form(visit: &Visit, status: StatusCode, user: &str, message: String) -> Outcome {
    let token = fresh_token();
    let page =
        LoginPage { frame: Frame::for_session("Log in", None), token: &token, user, message };
    let response: Response = draw(status, &page)?;
    Ok(with_cookie(response, &Cookie::Login.set(visit.scheme, &token)))
}
