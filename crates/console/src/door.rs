//! The one door that every request for a page goes through: sender, session, token, body, then the
//! page. A shell around `guard`, `session` and `cookie`; knows no page in particular.
//!
//! ```text
//! request ─► our sender? (POST) ─► session? ─► body ─► token fits? (POST, htmx) ─► page ─► headers
//! ```

use crate::Console;
use crate::actions::Ask;
use crate::cookie::{Cookie, Scheme};
use crate::guard::{self, Sender};
use crate::pages::{PAGES, Page, Run, Trouble, trouble};
use crate::problem::Refusal;
use crate::session::{Session, Use};
use axum::Router;
use axum::body::Body;
use axum::extract::{
    ConnectInfo, Form, FromRequest, FromRequestParts, Query, RawPathParams, Request,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Longest form.
const FORM_BYTES_MAX: usize = 64 << 10;
/// Carries the session's token with background requests.
const CSRF_HEADER: &str = "x-larder-csrf";

/// A request that passed the sender check.
pub struct Visit {
    pub console: Arc<Console>,
    /// Last named part of the path, such as the instance id.
    pub target: String,
    /// Fields of the query (GET) or of the form (POST).
    pub fields: BTreeMap<String, String>,
    /// Secret of the session cookie, whether or not it opens one.
    pub session_token: String,
    /// Value of the login cookie.
    pub login_token: String,
    pub source: IpAddr,
    pub user_agent: String,
    pub scheme: Scheme,
    /// Made by htmx, not by a click.
    pub background: bool,
}

/// A visit of somebody who is logged in.
pub struct Member {
    pub visit: Visit,
    pub session: Session,
}

impl Visit {
    /// A field, empty when it did not come.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Member {
    /// Runs one action as this person.
    ///
    /// # Errors
    /// The API's refusal.
    pub async fn call(
        &self,
        action: &'static str,
        params: &[(&str, &str)],
    ) -> Result<Value, Refusal> {
        let owned = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let ask = Ask {
            action,
            params: params.iter().map(owned).collect(),
            source: self.visit.source,
            user_agent: self.visit.user_agent.clone(),
            background: self.visit.background,
        };
        Refusal::from_answer(self.session.caller.call(ask).await)
    }
}

/// A router over the table of pages.
pub fn router(console: Arc<Console>) -> Router {
    let mut router = Router::new();
    for page in PAGES {
        let console = Arc::clone(&console);
        let enter = move |request: Request| enter(page, Arc::clone(&console), request);
        let filter = if page.is_form() { MethodFilter::POST } else { MethodFilter::GET };
        router = router.route(page.path, on(filter, enter));
    }
    router
        .method_not_allowed_fallback(|| async { trouble(&Trouble::WrongMethod, None, false) })
        .layer(map_response(protect))
}

/// Headers that no answer may lack. Only files named by their digest may be kept by the browser.
async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in guard::HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

async fn enter(page: &'static Page, console: Arc<Console>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let background = parts.headers.contains_key("hx-request");
    let sender = Sender {
        origin: text(&parts.headers, header::ORIGIN.as_str()),
        host: text(&parts.headers, header::HOST.as_str()),
        fetch_site: text(&parts.headers, "sec-fetch-site"),
    };
    let (is_us, origin_scheme) = (sender.is_us(), sender.scheme());
    if page.is_form() && !is_us {
        return trouble(&Trouble::WrongOrigin, None, background);
    }
    let cookies = text(&parts.headers, header::COOKIE.as_str()).unwrap_or_default().to_owned();
    let found = Cookie::Session.find(&cookies);
    let token = found.map_or("", |pair| pair.1).to_owned();
    let scheme = if page.is_form() { origin_scheme } else { found.map_or(Scheme::Http, |p| p.0) };
    let by = if background { Use::Background } else { Use::Person };
    let session = console.sessions().find(&token, console.now_ms(), by);
    if session.is_none() && matches!(page.run, Run::Member(_)) {
        return trouble(&Trouble::LoggedOut, None, background);
    }
    let fields = match fields(page, &parts, body).await {
        Ok(fields) => fields,
        Err(problem) => return trouble(&problem, session.as_ref(), background),
    };
    let visit = Visit {
        target: target(&mut parts).await,
        fields,
        session_token: token,
        login_token: Cookie::Login.find(&cookies).map_or("", |pair| pair.1).to_owned(),
        source: source(&parts),
        user_agent: text(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
        scheme,
        background,
        console,
    };
    run(page, visit, session, text(&parts.headers, CSRF_HEADER)).await
}

/// Checks the token where one is due, then lets the page run.
async fn run(
    page: &'static Page,
    visit: Visit,
    session: Option<Session>,
    csrf_header: Option<&str>,
) -> Response {
    let background = visit.background;
    let came = csrf_header.or(visit.fields.get("csrf").map(String::as_str));
    let result = match (&page.run, session.clone()) {
        (Run::Member(run), Some(session)) => {
            let due = page.is_form() || background;
            if due && !guard::token_fits(&session.csrf, came) {
                Err(Trouble::WrongToken)
            } else {
                run(Member { visit, session }).await
            }
        }
        (Run::Member(_), None) => Err(Trouble::LoggedOut),
        (Run::Public(run), session) => run(visit, session).await,
    };
    result.unwrap_or_else(|problem| trouble(&problem, session.as_ref(), background))
}

async fn fields(
    page: &Page,
    parts: &Parts,
    body: Body,
) -> Result<BTreeMap<String, String>, Trouble> {
    if !page.is_form() {
        return Ok(Query::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default());
    }
    let bytes =
        axum::body::to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Trouble::FormTooLong)?;
    let mut request = Request::new(Body::from(bytes));
    *request.method_mut() = Method::POST;
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, media_type);
    let form = Form::from_request(request, &()).await;
    form.map(|form| form.0).map_err(|_| Trouble::BadForm)
}

async fn target(parts: &mut Parts) -> String {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let last = params.ok().and_then(|params| params.iter().last().map(|pair| pair.1.to_owned()));
    last.unwrap_or_default()
}

fn source(parts: &Parts) -> IpAddr {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `303 See Other`, so that reloading the next page repeats nothing.
pub fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Adds a cookie to an answer.
pub fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
