//! The files that pages link to, and the page for addresses that lead nowhere.

use super::{Outcome, Trouble};
use crate::assets;
use crate::door::{Member, Visit};
use crate::session::Session;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;

/// A file of the table in `assets`.
pub async fn show(visit: Visit, _session: Option<Session>) -> Outcome {
    let asset = assets::find(&visit.target).ok_or(Trouble::Nowhere)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((StatusCode::OK, headers, asset.bytes).into_response())
}

/// Any other address below `/console`.
pub async fn nowhere(_member: Member) -> Outcome {
    Err(Trouble::Nowhere)
}
