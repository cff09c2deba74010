//! The API over HTTP: takes a request apart, has it authenticated and called, and puts the answer
//! together. Every answer is JSON with `Code`, `Message` and `RequestId` when it is no success.
//! Must not know actions.

use crate::call::{Call, Via};
use crate::control::{Control, Reply};
use crate::error;
use crate::scrape;
use crate::signature::WireRequest;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// Largest request body, bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a body may take to arrive; a megabyte on a slow line takes less.
const BODY_LIMIT: Duration = Duration::from_secs(20);

/// Parameters of the protocol, not of actions.
const COMMON: &[&str] = &[
    "Action",
    "Version",
    "Format",
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "SignatureType",
    "Timestamp",
    "SecurityToken",
];

/// Routes of the API; whatever nobody else serves is answered here too.
pub(crate) fn routes(control: Control) -> Router {
    Router::new()
        .route("/", get(api).post(api))
        .route("/metrics", get(scrape::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(control)
}

async fn api(State(control): State<Control>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if is_browser(&parts) {
        return Redirect::to("/console").into_response();
    }
    let body = match receive(&parts, body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return respond(refuse_unread(&control, &parts, error).await),
    };
    let authenticating = control.clone();
    let call =
        tokio::task::spawn_blocking(move || authenticate(&authenticating, &parts, &body)).await;
    respond(match call {
        Ok(Ok((call, nonce))) => control.reply(call, Some(nonce)).await,
        Ok(Err(refusal)) => refusal,
        Err(broken) => {
            tracing::error!("authentication broke down: {broken}");
            control.refuse(error::INTERNAL_ERROR.plain())
        }
    })
}

/// The whole body, unless it is too large or comes too slowly.
async fn receive(parts: &Parts, body: Body, limit: Duration) -> Result<Bytes, error::ApiError> {
    let told = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let told: Option<usize> = told.and_then(|length| length.parse().ok());
    if told.is_some_and(|bytes| BODY_BYTES_MAX < bytes) {
        return Err(error::BODY_TOO_LARGE.plain());
    }
    match timeout(limit, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(error::BODY_TOO_LARGE.plain()),
        Err(_) => Err(error::REQUEST_TIMEOUT.plain()),
    }
}

/// Someone who typed the API's address into a browser looks for the console.
fn is_browser(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let html = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    html && parts.uri.query().is_none() && parts.method == Method::GET
}

/// The call that a signed request makes, and the nonce that it used; else the audited refusal.
fn authenticate(control: &Control, parts: &Parts, body: &Bytes) -> Result<(Call, String), Reply> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    let headers: Vec<(String, String)> = headers.collect();
    let request = WireRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    let source = source(parts);
    let known = control.authenticate(&request);
    let (claim, principal) =
        known.map_err(|error| control.refuse_stranger(&request, source, error))?;
    let business = claim.params.into_iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
    let call = Call {
        action: claim.action,
        version: claim.version,
        params: business.collect::<BTreeMap<_, _>>(),
        principal,
        source,
        via: Via::Api,
        user_agent: request.header("user-agent").unwrap_or_default().to_owned(),
    };
    Ok((call, claim.nonce))
}

async fn not_found(State(control): State<Control>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(refuse_unread(&control, &parts, error::PATH_NOT_FOUND.plain()).await)
}

async fn not_allowed(State(control): State<Control>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(refuse_unread(&control, &parts, error::METHOD_NOT_ALLOWED.plain()).await)
}

/// The audited refusal of what is no request of the API.
async fn refuse_unread(control: &Control, parts: &Parts, error: error::ApiError) -> Reply {
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    control.refuse_unread(source(parts), user_agent.unwrap_or_default().to_owned(), error).await
}

/// Address that a request came from.
fn source(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or([0, 0, 0, 0].into(), |ConnectInfo(peer)| peer.ip().to_canonical())
}

pub(crate) fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.answer.body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(reply.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    if let Some(seconds) = reply.retry_after_s {
        response.headers_mut().insert("x-acs-retry-after", HeaderValue::from(seconds));
    }
    response
}
