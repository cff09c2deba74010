//! Requests against the whole router, with a fake control plane and a clock turned by hand.

use super::testing::{Fake, HandClock, PASSWORD, bad, console, good};
use super::{Kind, PAGES, Run};
use crate::actions::Ask;
use crate::session::{IDLE_MS_MAX, PROOF_MS_MAX};
use crate::{door, guard};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use control::Answer;
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;

const ORIGIN: &str = "http://127.0.0.1:8077";

/// A browser: keeps cookies and the last page.
struct Browser {
    router: Router,
    fake: Arc<Fake>,
    clock: Arc<HandClock>,
    cookies: Vec<(String, String)>,
    origin: &'static str,
}

/// An answer, read to its end.
struct Page {
    status: u16,
    location: String,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Page {
    /// Value of the first hidden field of this name.
    fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest =
            self.text.split(&start).nth(1).unwrap_or_else(|| panic!("{name} in {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    fn has(&self, part: &str) {
        assert!(self.text.contains(part), "no {part:?} in status {} {}", self.status, self.text);
    }
}

impl Browser {
    fn new(answer: fn(&Ask) -> Answer) -> Self {
        let (console, fake, clock) = console(answer);
        Self { router: door::router(console), fake, clock, cookies: Vec::new(), origin: ORIGIN }
    }

    async fn send(&mut self, request: Request<Body>) -> Page {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        for (name, value) in guard::HEADERS {
            assert_eq!(response.headers().get(*name).unwrap(), value);
        }
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|kept| kept.0 != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let location = parts.headers.get(header::LOCATION);
        Page {
            status: parts.status.as_u16(),
            location: location.map_or("", |value| value.to_str().unwrap()).to_owned(),
            headers: parts.headers,
            text: String::from_utf8(bytes.into()).unwrap(),
        }
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:8077")
            .header(header::COOKIE, cookies.join("; "))
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = self.request("GET", path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    async fn poll(&mut self, path: &str, csrf: &str) -> Page {
        let request = self.request("GET", path).header("hx-request", "true");
        let request = request.header("x-larder-csrf", csrf).body(Body::empty()).unwrap();
        self.send(request).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Page {
        let request = self
            .request("POST", path)
            .header(header::ORIGIN, self.origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(request).await
    }

    /// Logs in and gives the session's token, as a page shows it.
    async fn login(&mut self) -> String {
        let csrf = self.get("/console/login").await.hidden("csrf");
        let form = format!("csrf={csrf}&user=root&password={PASSWORD}");
        let page = self.post("/console/login", &form).await;
        assert_eq!((page.status, &*page.location), (303, "/console/instances"), "{}", page.text);
        self.get("/console/instances").await.hidden("csrf")
    }
}

const EVIL: &str = "<script>alert(1)</script>\"'";

/// A control plane with one instance that has a hostile name.
fn one_instance(ask: &Ask) -> Answer {
    let instance = json!({
        "InstanceId": "r-1", "InstanceName": EVIL, "InstanceStatus": "Normal",
        "InstanceClass": "redis.shard.small.2.ce", "Capacity": 1024, "EngineVersion": "7.0",
        "ConnectionDomain": "127.0.0.1", "Port": 6380, "CreateTime": "2026-11-22T12:51:19Z",
    });
    match ask.action {
        "DescribeInstances" => {
            good(json!({"Instances": {"KVStoreInstance": [instance]}, "TotalCount": 1}))
        }
        _ if ask.params.get("InstanceId").is_some_and(|id| id != "r-1") => {
            bad(404, "InvalidInstanceId.NotFound", "The InstanceId provided does not exist.")
        }
        "DescribeInstanceAttribute" => {
            good(json!({"Instances": {"DBInstanceAttribute": [instance]}}))
        }
        "DescribeSecurityIps" => good(json!({"SecurityIpGroups": {"SecurityIpGroup": [
            {"SecurityIpGroupName": "default", "SecurityIpList": "10.0.0.1,10.0.0.0/8"}]}})),
        "LarderDescribeInstanceLive" => good(json!({
            "InstanceId": "r-1",
            "Status": {
                "UsedMemoryBytes": 805_306_368, "MaxmemoryBytes": 1_073_741_824, "Keys": 12_345,
                "KeyspaceHits": 3, "KeyspaceMisses": 1, "CommandsPerSecond": 42,
                "CpuUs": 1_500_000, "UptimeMs": 10_000, "Role": "Primary",
            },
            "Clients": [{"Address": "10.0.0.1:5", "Name": EVIL, "User": "default", "Db": 3,
                "AgeS": 61, "IdleS": 0, "Command": "get", "Library": "redis-py 5"}],
        })),
        "CreateInstance" if ask.params.contains_key("Password") => bad(
            400,
            "InvalidPassword.Malformed",
            "The parameter is not valid. Reason: a password is long.",
        ),
        "CreateInstance" => good(json!({"InstanceId": "r-1"})),
        "ModifySecurityIps" if ask.params["SecurityIps"] == "nonsense" => {
            bad(400, "InvalidSecurityIps.Malformed", "The list is not valid.")
        }
        "DescribeAccounts" => good(json!({"Accounts": {"Account": [
            {"AccountName": "app", "AccountStatus": "Available", "AccountDescription": EVIL}]}})),
        _ => good(json!({"RequestId": "R"})),
    }
}

#[tokio::test]
async fn listings_show_rows_their_absence_and_their_twin() {
    let rows = [
        ("instances/r-1/accounts", ">app</td>", "larder api DescribeAccounts --InstanceId r-1"),
        ("instances/r-1/tags", "has no tag", "--ResourceId r-1"),
        ("instances/r-1/parameters", "No parameter", "--DBInstanceId r-1"),
        ("tasks", "There was no task", "larder api DescribeHistoryTasks"),
        ("parameter-groups", "no parameter group yet", "larder api DescribeParameterGroups"),
        ("alarms", "no alarm rule yet", "larder api DescribeMetricRuleList"),
        ("users", "no user but root", "larder api ListUsers"),
        ("policies", "There is no policy", "larder api ListPolicies"),
        ("quotas", "There is no limit", "larder api ListQuotas"),
        ("audit", "Nothing was changed", "-p LookupAttribute.1.Key=EventRW"),
    ];
    for (path, shown, twin) in rows {
        let mut browser = Browser::new(one_instance);
        browser.login().await;
        let page = browser.get(&format!("/console/{path}")).await;
        assert_eq!(page.status, 200, "{path}");
        page.has(shown);
        page.has(twin);
        assert!(!page.text.contains("<script>alert"), "{path}");
    }
    let mut browser = Browser::new(one_instance);
    browser.login().await;
    assert_eq!(browser.get("/console/instances/r-2/accounts").await.status, 404);
}

#[tokio::test]
async fn login_flow() {
    let mut browser = Browser::new(one_instance);
    assert_eq!(browser.get("/console").await.location, "/console/login");
    let form = browser.get("/console/login").await;
    assert_eq!(form.headers[header::CACHE_CONTROL], "no-store");
    let csrf = form.hidden("csrf");
    let wrong = browser.post("/console/login", &format!("csrf={csrf}&user=root&password=x")).await;
    assert_eq!((wrong.status, &*wrong.location), (200, ""));
    wrong.has("User name or password is wrong.");
    let form = format!("csrf={}&user=u&password=x", wrong.hidden("csrf"));
    browser.post("/console/login", &form).await.has("User name or password is wrong.");
    browser.login().await;
    let before = browser.cookies.clone();
    assert_eq!(browser.get("/console").await.location, "/console/instances");
    assert_eq!(browser.get("/console/login").await.location, "/console/instances");
    let csrf = browser.get("/console/instances").await.hidden("csrf");
    let out = browser.post("/console/logout", &format!("csrf={csrf}")).await;
    assert_eq!((out.status, &*out.location), (303, "/console/login"));
    // The secret of a session that was ended opens nothing any more.
    browser.cookies = before;
    assert_eq!(browser.get("/console/instances").await.location, "/console/login");
}

#[tokio::test]
async fn cookies_are_locked_down_and_rotate() {
    for (origin, name, secure) in [
        (ORIGIN, "larder_session", false),
        ("https://127.0.0.1:8077", "__Host-larder_session", true),
    ] {
        let mut browser = Browser::new(one_instance);
        browser.origin = origin;
        browser.login().await;
        let first = browser.cookies.iter().find(|kept| kept.0 == name).unwrap().1.clone();
        let csrf = browser.get("/console/instances").await.hidden("csrf");
        browser.post("/console/logout", &format!("csrf={csrf}")).await;
        let csrf = browser.get("/console/login").await.hidden("csrf");
        let form = format!("csrf={csrf}&user=root&password={PASSWORD}");
        let page = browser.post("/console/login", &form).await;
        let cookies: Vec<&str> = page
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .filter(|cookie| cookie.starts_with(name))
            .collect();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert!(cookies[0].contains("; Path=/; HttpOnly; SameSite=Strict"), "{cookies:?}");
        assert_eq!(cookies[0].contains("; Secure"), secure);
        assert!(!cookies[0].contains(&first));
    }
}

#[tokio::test]
async fn a_braked_login_says_when_to_come_again() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.get("/console/login").await.hidden("csrf");
    let page = browser.post("/console/login", &format!("csrf={csrf}&user=braked&password=x")).await;
    assert_eq!((page.status, page.headers[header::RETRY_AFTER].to_str().unwrap()), (429, "7"));
    page.has("try again in 7 s");
}

#[tokio::test]
async fn a_login_form_of_another_browser_is_refused() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.get("/console/login").await.hidden("csrf");
    browser.cookies.clear();
    let form = format!("csrf={csrf}&user=root&password={PASSWORD}");
    assert_eq!(browser.post("/console/login", &form).await.status, 403);
}

fn address(path: &str) -> String {
    path.replace("{id}", "r-1").replace("{*rest}", "nowhere").replace("{name}", "console.css")
}

#[tokio::test]
async fn every_page_but_four_demands_a_session() {
    let public: Vec<&str> = PAGES
        .iter()
        .filter(|page| matches!(page.run, Run::Public(_)))
        .map(|page| page.path)
        .collect();
    let expected =
        ["/console", "/console/", "/console/assets/{name}", "/console/login", "/console/login"];
    assert_eq!(public, expected);
    for page in PAGES.iter().filter(|page| matches!(page.run, Run::Member(_))) {
        let mut browser = Browser::new(one_instance);
        let path = address(page.path);
        let got = match page.kind {
            Kind::Show => browser.get(&path).await,
            Kind::Form => browser.post(&path, "csrf=").await,
        };
        assert_eq!((got.status, &*got.location), (303, "/console/login"), "{path}");
        let polled = browser.poll(&path, "").await;
        if page.kind == Kind::Show {
            assert_eq!(
                (polled.status, &polled.headers["hx-redirect"]),
                (401, &"/console/login".parse().unwrap())
            );
        }
        assert!(browser.fake.actions().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn every_form_demands_our_origin_and_the_token() {
    for page in PAGES.iter().filter(|page| page.kind == Kind::Form) {
        let path = address(page.path);
        let mut browser = Browser::new(one_instance);
        let csrf = browser.login().await;
        let asked = browser.fake.actions().len();
        let form = format!("csrf={csrf}&confirm=r-1&entries=1.1.1.1&user=root&password={PASSWORD}");
        browser.origin = "http://evil.example";
        assert_eq!(browser.post(&path, &form).await.status, 403, "{path}");
        browser.origin = ORIGIN;
        for wrong in ["csrf=&confirm=r-1", "confirm=r-1", "csrf=0000&confirm=r-1"] {
            assert_eq!(browser.post(&path, wrong).await.status, 403, "{path} {wrong}");
        }
        assert_eq!(browser.fake.actions().len(), asked, "{path}");
        assert_eq!(browser.get("/console/instances").await.status, 200, "still logged in");
    }
}

#[tokio::test]
async fn background_requests_need_the_token_and_keep_nobody_logged_in() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.login().await;
    assert_eq!(browser.poll("/console/instances/r-1/live", "wrong").await.status, 403);
    browser.clock.pass_ms(IDLE_MS_MAX - 1);
    let page = browser.poll("/console/instances/r-1/live", &csrf).await;
    assert_eq!(page.status, 200);
    browser.clock.pass_ms(1);
    assert_eq!(browser.poll("/console/instances/r-1/live", &csrf).await.status, 401);
    assert_eq!(browser.get("/console/instances").await.location, "/console/login");
}

#[tokio::test]
async fn names_are_escaped_everywhere() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.login().await;
    for path in ["/console/instances?q=%3Cscript%3Ex", "/console/instances/r-1"] {
        let page = browser.get(path).await;
        page.has("&#60;script&#62;alert(1)");
        assert!(!page.text.contains("<script>"), "{}", page.text);
    }
    let form = format!("csrf={csrf}&name=%3Cscript%3Ex&password=x&class=%22%3E%3Cscript%3E");
    let page = browser.post("/console/instances", &form).await;
    assert!(!page.text.contains("<script>"), "{}", page.text);
}

#[tokio::test]
async fn the_instance_page_shows_figures_and_clients() {
    let mut browser = Browser::new(one_instance);
    browser.login().await;
    let page = browser.get("/console/instances/r-1").await;
    assert_eq!(page.status, 200);
    for part in [
        "redis-cli -h 127.0.0.1 -p 6380 --askpass",
        "768 MiB <small>of 1 GiB",
        "class=\"busy\" max=\"1073741824\" value=\"805306368\"",
        "12,345",
        "75.0 %",
        "15.0 %",
        "10.0.0.1, 10.0.0.0/8",
        "10.0.0.1:5",
        "1 min 1 s",
        "redis-py 5",
        "2026-11-22 12:51 UTC",
        "/live?cpu_us=1500000",
    ] {
        page.has(part);
    }
    assert!(!page.text.contains("style=") && !page.text.contains("onclick"));
}

#[tokio::test]
async fn a_refused_creation_comes_back_beside_its_field() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.login().await;
    let token = browser.get("/console/instances/new").await.hidden("token");
    let form = format!(
        "csrf={csrf}&token={token}&name=keep&class=redis.shard.mid.2.ce&port=7001&\
         engine_version=6.0"
    );
    let page = browser.post("/console/instances", &format!("{form}&password=weak")).await;
    assert_eq!(page.status, 422);
    page.has("id=\"password-fault\">A password is long.");
    page.has("value=\"keep\"");
    page.has("value=\"redis.shard.mid.2.ce\" selected");
    assert!(!page.text.contains("weak") && page.hidden("token") != token);
    let page = browser.post("/console/instances", &form).await;
    assert_eq!(page.location, "/console/instances/r-1?done=created");
    let asked = browser.fake.asked.lock().unwrap().last().unwrap().params.clone();
    assert_eq!((&*asked["Port"], &*asked["Token"]), ("7001", &*token));
    assert!(!asked.contains_key("Password"));
}

#[tokio::test]
async fn forms_of_an_instance() {
    let rows = [
        ("allowlist", "group=default&entries=1.1.1.1%0D%0A2.2.2.2", 303, ""),
        ("allowlist", "group=default&entries=nonsense", 422, "The list is not valid."),
        ("allowlist", "group=default&entries=", 422, "at least one"),
        ("password", "password=Abcdefg1&again=Abcdefg1", 303, ""),
        ("password", "password=Abcdefg1&again=Abcdefg2", 422, "differ"),
        ("restart", "", 303, ""),
        ("delete", "confirm=r-1", 303, ""),
        ("delete", "confirm=r-2", 422, "not the id"),
    ];
    for (name, form, status, part) in rows {
        let mut browser = Browser::new(one_instance);
        let csrf = browser.login().await;
        let path = format!("/console/instances/r-1/{name}");
        assert_eq!(browser.get(&path).await.status, 200);
        let page = browser.post(&path, &format!("csrf={csrf}&{form}")).await;
        assert_eq!(page.status, status, "{name} {form}");
        page.has(part);
        if status == 303 {
            browser.get(&page.location).await.has("class=\"notice\" role=\"status\"");
        }
    }
}

#[tokio::test]
async fn deleting_asks_for_the_password_after_a_while() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.login().await;
    browser.clock.pass_ms(PROOF_MS_MAX);
    let path = "/console/instances/r-1/delete";
    browser.get(path).await.has("Your console password");
    for password in ["", "wrong"] {
        let form = format!("csrf={csrf}&confirm=r-1&password={password}");
        assert_eq!(browser.post(path, &form).await.status, 422);
    }
    assert!(!browser.fake.actions().contains(&"DeleteInstance"));
    let form = format!("csrf={csrf}&confirm=r-1&password={PASSWORD}");
    assert_eq!(browser.post(path, &form).await.location, "/console/instances?done=delete");
    assert!(!browser.get(path).await.text.contains("Your console password"));
}

#[tokio::test]
async fn what_cannot_be_shown_says_what_to_do() {
    let mut browser = Browser::new(one_instance);
    let csrf = browser.login().await;
    let page = browser.get("/console/instances/r-2").await;
    assert_eq!(page.status, 404);
    for part in ["does not exist", "The list shows what there is", "REQ-1"] {
        page.has(part);
    }
    let polled = browser.poll("/console/instances/r-2/live", &csrf).await;
    assert_eq!(polled.headers["hx-redirect"], "/console/instances?done=gone");
    for (path, status) in [
        ("/console/nowhere", 404),
        ("/console/instances/r-1/nowhere", 404),
        ("/console/assets/x", 404),
    ] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
    assert_eq!(browser.post("/console/instances/new", "").await.status, 405);
    let long = format!("csrf={csrf}&entries={}", "1".repeat(70_000));
    assert_eq!(browser.post("/console/instances/r-1/allowlist", &long).await.status, 413);
}

#[tokio::test]
async fn a_failing_control_plane_leaves_the_screen_alone() {
    let mut browser = Browser::new(|_| bad(503, "ServiceUnavailable", "Starting."));
    let csrf = browser.get("/console/login").await.hidden("csrf");
    let form = format!("csrf={csrf}&user=root&password={PASSWORD}");
    browser.post("/console/login", &form).await;
    let page = browser.get("/console/instances").await;
    assert_eq!(page.status, 503);
    page.has("Try again in a few seconds");
    let csrf = page.hidden("csrf");
    let polled = browser.poll("/console/instances", &csrf).await;
    assert_eq!((polled.status, &polled.headers["hx-reswap"]), (503, &"none".parse().unwrap()));
}

#[tokio::test]
async fn assets_may_be_kept() {
    let mut browser = Browser::new(one_instance);
    let page = browser.get("/console/assets/htmx.min.js?v=1").await;
    assert_eq!(page.status, 200);
    assert!(page.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert!(page.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/javascript"));
}
