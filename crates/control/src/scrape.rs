//! `GET /metrics` for Prometheus. Figures of all accounts are on that page, so it takes the
//! installation's own token: a bearer token that follows from the master key and lies in
//! `control/metrics.token` for the scraper to read. Loopback is no leave: other users of the host
//! and a proxy in front of it come from there, too. Must not know what is measured.

use crate::control::Control;
use crate::error;
use crate::metrics::page;
use crate::pipeline::Shared;
use crate::store::{StoreError, documents};
use crate::vault::{Vault, write_private};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use control_model::Instance;
use std::io;
use std::path::Path;
use subtle::ConstantTimeEq;

/// The token of an installation.
fn token(vault: &Vault) -> String {
    vault.fingerprint("larder metrics token 1")
}

/// Writes the token where the scraper finds it.
///
/// # Errors
/// As the file system says.
pub(crate) fn write_token(vault: &Vault, path: &Path) -> io::Result<()> {
    write_private(path, token(vault).as_bytes())
}

/// The page, for who has the token.
pub(crate) async fn metrics(State(control): State<Control>, headers: HeaderMap) -> Response {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let expected = token(&control.shared.vault);
    if !bool::from(given.trim().as_bytes().ct_eq(expected.as_bytes())) {
        let text = "Send the content of control/metrics.token in the data directory as a bearer \
                    token.";
        let mut refusal = crate::http::respond(control.refuse(error::UNAUTHORIZED.says(text)));
        let challenge = HeaderValue::from_static("Bearer realm=\"larder\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return refusal;
    }
    let shared = control.shared.clone();
    let read = tokio::task::spawn_blocking(move || text(&shared)).await;
    match read {
        Ok(Ok(page)) => {
            let mut response = Response::new(Body::from(page));
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Ok(Err(error)) => {
            tracing::error!("the metrics page: {error}");
            crate::http::respond(control.refuse(error::SERVICE_UNAVAILABLE.plain()))
        }
        Err(error) => {
            tracing::error!("the metrics page broke down: {error}");
            crate::http::respond(control.refuse(error::INTERNAL_ERROR.plain()))
        }
    }
}

fn text(shared: &Shared) -> Result<String, StoreError> {
    let instances: Vec<Instance> =
        documents::instances(shared.store.as_ref())?.into_iter().map(|read| read.value).collect();
    let seen: Vec<_> = instances
        .iter()
        .map(|instance| (instance, shared.metrics.latest(&instance.node_id())))
        .collect();
    Ok(page(&seen, (shared.clock)() / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use crate::tests::metrics::sampled;
    use axum::body::to_bytes;
    use std::collections::BTreeSet;

    async fn scrape(world: &World, token: &str) -> (u16, String) {
        let mut headers = HeaderMap::new();
        let value = format!("Bearer {token}");
        headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
        let response = metrics(State(world.control.clone()), headers).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 24).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    /// What promtool checks: each line's shape, one TYPE before the samples of a name and all of
    /// them together, no series twice, numbers that are some.
    fn check_page(page: &str) -> usize {
        let (mut types, mut series) = (BTreeSet::new(), BTreeSet::new());
        let mut current = "";
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a kind");
                assert!(types.insert(name), "{name} comes twice");
                assert!(["gauge", "counter"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                current = name;
                continue;
            }
            if let Some(rest) = line.strip_prefix("# HELP ") {
                assert!(rest.split_once(' ').is_some_and(|(_, doc)| doc.ends_with('.')), "{line}");
                continue;
            }
            let (name, rest) = line.split_once('{').expect("labels");
            let (labels, value) = rest.rsplit_once("} ").expect("a value");
            assert_eq!(name, current, "samples stand behind their type");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert_eq!(labels.matches('"').count() % 2, labels.matches("\\\"").count() % 2);
            assert!(series.insert(line.rsplit_once(' ').expect("a value").0), "{line} twice");
        }
        series.len()
    }

    #[tokio::test]
    async fn the_page_is_for_who_has_the_token() {
        let world = World::new();
        let id = world.instance("InstanceName=a-b").await;
        sampled(&world, &id, 3, |row, at| {
            at.calls = 100 * row.unsigned_abs();
            at.used_memory_bytes = 64 << 20;
            at.commands = [("get".to_owned(), 7)].into();
        });
        let good = token(&world.control.shared.vault);
        for bad in ["", "x", &good[1..], &format!("{good}0")] {
            let (status, body) = scrape(&world, bad).await;
            assert_eq!(status, 401, "{bad}");
            assert!(body.contains("metrics.token") && !body.contains(&id), "{body}");
        }
        let (status, page) = scrape(&world, &good).await;
        assert_eq!(status, 200);
        assert!(check_page(&page) > 50, "{page}");
        let has = |start: &str, end: &str| {
            page.lines().any(|line| line.starts_with(start) && line.ends_with(end))
        };
        assert!(has("larder_used_memory_bytes{", " 67108864"), "{page}");
        assert!(has("larder_commands_per_second{", " 20"), "{page}");
        assert!(has("larder_command_calls_total{", "command=\"get\"} 7"), "{page}");
        assert!(has("larder_node_up{", "} 1") && page.contains("instance_name=\"a-b\""));
        world.now_unix_ms.fetch_add(60_000, std::sync::atomic::Ordering::Relaxed);
        let (_, page) = scrape(&world, &good).await;
        check_page(&page);
        assert!(page.contains("larder_node_up{") && !page.contains("larder_keys{"), "stale");
    }
}
