//! The table of pages, and what all pages share: the frame around them, notices, and the page that
//! is shown when another cannot be. Knows no HTTP beyond status codes.

mod actions;
mod allowlist;
mod create;
mod delete;
mod files;
mod instance;
mod instances;
mod listings;
mod live;
mod login;
mod manage;
mod monitoring;
mod password;
mod restart;
mod sheet;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

use crate::actions::Later;
use crate::assets;
use crate::door::{Member, Visit, redirect};
use crate::problem::Refusal;
use crate::session::Session;
use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What a page's function gives.
pub type Outcome = Result<Response, Trouble>;

/// One row: an address, and what answers there.
pub struct Page {
    /// Address, with the instance id as `{id}`.
    pub path: &'static str,
    /// Whether it shows or does something.
    pub kind: Kind,
    /// Who may come, and what then runs.
    pub run: Run,
}

/// Whether a page shows or does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GET; changes nothing.
    Show,
    /// POST; comes from one of our forms.
    Form,
}

/// Who may come, and what then runs.
pub enum Run {
    /// Anybody.
    Public(fn(Visit, Option<Session>) -> Later<'static, Outcome>),
    /// Whoever is logged in; others are sent to the login.
    Member(fn(Member) -> Later<'static, Outcome>),
}

impl Page {
    /// Whether it is reached by POST.
    pub fn is_form(&self) -> bool {
        self.kind == Kind::Form
    }
}

macro_rules! pages {
    ($($kind:ident $who:ident $path:literal => $run:path;)*) => {
        /// All pages.
        pub const PAGES: &[Page] = &[
            $(Page { path: $path, kind: Kind::$kind, run: pages!(@$who $run) },)*
        ];
    };
    (@Public $run:path) => { Run::Public(|visit, session| Box::pin($run(visit, session))) };
    (@Member $run:path) => { Run::Member(|member| Box::pin($run(member))) };
}

pages! {
    Show Public "/console" => login::home;
    Show Public "/console/" => login::home;
    Show Public "/console/assets/{name}" => files::show;
    Show Public "/console/login" => login::show;
    Form Public "/console/login" => login::submit;
    Form Member "/console/logout" => login::leave;
    Show Member "/console/instances" => instances::show;
    Form Member "/console/instances" => create::submit;
    Show Member "/console/instances/new" => create::show;
    Show Member "/console/instances/{id}" => instance::show;
    Show Member "/console/instances/{id}/live" => live::show;
    Show Member "/console/instances/{id}/allowlist" => allowlist::show;
    Form Member "/console/instances/{id}/allowlist" => allowlist::submit;
    Show Member "/console/instances/{id}/password" => password::show;
    Form Member "/console/instances/{id}/password" => password::submit;
    Show Member "/console/instances/{id}/restart" => restart::show;
    Form Member "/console/instances/{id}/restart" => restart::submit;
    Show Member "/console/instances/{id}/delete" => delete::show;
    Form Member "/console/instances/{id}/delete" => delete::submit;
    Show Member "/console/instances/{id}/monitoring" => monitoring::show;
    Show Member "/console/actions" => actions::index;
    Show Member "/console/actions/{id}" => actions::show;
    Form Member "/console/actions/{id}" => actions::submit;
    Show Member "/console/instances/{id}/accounts" => listings::accounts;
    Show Member "/console/instances/{id}/parameters" => listings::parameters;
    Show Member "/console/instances/{id}/tags" => listings::tags;
    Show Member "/console/instances/{id}/tasks" => listings::instance_tasks;
    Show Member "/console/tasks" => listings::tasks;
    Show Member "/console/parameter-groups" => listings::parameter_groups;
    Show Member "/console/recycle-bin" => listings::recycle_bin;
    Show Member "/console/alarms" => listings::alarms;
    Show Member "/console/users" => listings::users;
    Show Member "/console/policies" => listings::policies;
    Show Member "/console/quotas" => listings::quotas;
    Show Member "/console/audit" => listings::events;
    Show Member "/console/{*rest}" => files::nowhere;
}

/// What surrounds a page.
pub struct Frame {
    /// Of the window.
    pub title: String,
    /// Who is logged in; empty for nobody.
    pub user: String,
    /// The session's token.
    pub csrf: String,
    /// What was done just before.
    pub notice: &'static str,
}

/// What a redirect can say was done, by the value of `?done=`.
const NOTICES: &[(&str, &str)] = &[
    ("created", "The instance is being created."),
    ("allowlist", "The allowlist is saved. It applies to new connections."),
    ("password", "The password is set. Connections that are open stay so."),
    ("restart", "The instance is restarting."),
    ("delete", "The instance is being deleted. Look for it in the recycle bin."),
    ("gone", "The instance does not exist any more."),
];

impl Frame {
    /// The frame for a visit, with the notice that its address asks for.
    pub fn new(title: &str, member: &Member) -> Self {
        let done = member.visit.field("done");
        let notice = NOTICES.iter().find(|row| row.0 == done).map_or("", |row| row.1);
        Self { notice, ..Self::for_session(title, Some(&member.session)) }
    }

    /// The frame for whoever this is.
    pub fn for_session(title: &str, session: Option<&Session>) -> Self {
        Self {
            title: title.to_owned(),
            user: session.map(|session| session.caller.name().to_owned()).unwrap_or_default(),
            csrf: session.map(|session| session.csrf.clone()).unwrap_or_default(),
            notice: "",
        }
    }

    /// Address of an asset.
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The API said no.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// No session, or an expired one.
    #[error("You are not logged in.")]
    LoggedOut,
    /// A form of another site.
    #[error("This form was not sent by a page of this console.")]
    WrongOrigin,
    /// A form of an older session.
    #[error("This form belongs to an earlier login.")]
    WrongToken,
    /// A form that cannot be read.
    #[error("The form could not be read.")]
    BadForm,
    /// A form over the limit.
    #[error("The form is too long.")]
    FormTooLong,
    /// No such page.
    #[error("There is no such page.")]
    Nowhere,
    /// GET instead of POST or the reverse.
    #[error("This page cannot be reached like this.")]
    WrongMethod,
    /// A template failed.
    #[error("The page could not be drawn.")]
    Drawing(#[from] askama::Error),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => {
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
            Self::LoggedOut => StatusCode::UNAUTHORIZED,
            Self::WrongOrigin | Self::WrongToken => StatusCode::FORBIDDEN,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::FormTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Drawing(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.advice(),
            Self::LoggedOut => "Log in.",
            Self::WrongOrigin => "Nothing was changed. Open the console in a tab of its own.",
            Self::WrongToken => "Nothing was changed. Open the page again and repeat it there.",
            Self::BadForm | Self::FormTooLong => "Nothing was changed. Go back and try again.",
            Self::Nowhere | Self::WrongMethod => "The list of instances is a good place to go on.",
            Self::Drawing(_) => "Nothing was lost. Try again.",
        }
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    message: String,
    advice: &'static str,
    code: String,
    request_id: String,
}

/// The answer for a page that cannot be shown. A background request keeps what is on the screen,
/// unless the person has to be somewhere else.
pub fn trouble(problem: &Trouble, session: Option<&Session>, background: bool) -> Response {
    if let Trouble::Drawing(error) = problem {
        tracing::error!(%error, "draw a page of the console");
    }
    let status = problem.status();
    let elsewhere = match problem {
        Trouble::LoggedOut => Some("/console/login"),
        Trouble::Refused(refusal) if refusal.is_gone() => Some("/console/instances?done=gone"),
        _ => None,
    };
    match (background, elsewhere) {
        (true, Some(location)) => return answer_htmx(status, "hx-redirect", location),
        (true, None) => return answer_htmx(status, "hx-reswap", "none"),
        (false, _) if matches!(problem, Trouble::LoggedOut) => return redirect("/console/login"),
        (false, _) => {}
    }
    let (code, request_id) = match problem {
        Trouble::Refused(refusal) => (refusal.code.clone(), refusal.request_id.clone()),
        _ => (String::new(), String::new()),
    };
    let page = TroublePage {
        frame: Frame::for_session("Not possible", session),
        message: problem.to_string(),
        advice: problem.advice(),
        code,
        request_id,
    };
    draw(status, &page).unwrap_or_else(|_| status.into_response())
}

fn answer_htmx(status: StatusCode, name: &'static str, value: &'static str) -> Response {
    let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
    (status, [header]).into_response()
}

/// An HTML answer.
///
/// # Errors
/// `Drawing`.
pub fn draw<T: Template>(status: StatusCode, page: &T) -> Outcome {
    let html = page.render()?;
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    Ok((status, [(header::CONTENT_TYPE, media_type)], html).into_response())
}

/// What went wrong with a form, beside which field.
#[derive(Debug, Default)]
pub struct Fault {
    /// Field's name, empty for the form as a whole.
    pub field: &'static str,
    /// What to show.
    pub message: String,
}

impl Fault {
    /// A refusal beside the field that it is about, if the form has that field.
    pub fn of(refusal: &Refusal, fields: &[&str]) -> Self {
        let field = refusal.field().filter(|field| fields.contains(field)).unwrap_or("");
        Self { field, message: reason(&refusal.message) }
    }

    /// Our own objection to a field.
    pub fn at(field: &'static str, message: &str) -> Self {
        Self { field, message: message.to_owned() }
    }

    /// The message for a field, empty when it is about another.
    pub fn for_field(&self, field: &str) -> &str {
        if self.field == field { &self.message } else { "" }
    }
}

/// The API's general sentence is for programs; beside a field the reason alone says more.
fn reason(message: &str) -> String {
    let reason = message.split_once("Reason: ").map_or(message, |pair| pair.1);
    sentence(reason)
}

/// The same with a capital.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
