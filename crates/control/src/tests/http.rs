//! The HTTP door: who is let in, what everything else is answered.

use crate::actions::table::ACTIONS;
use crate::call::Via;
use crate::signature::canonical::encode;
use crate::store::{Expect, Kind, documents};
use crate::testing::{NOW_UNIX_MS, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_model::{AccessKey, KeyState};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A world that listens.
struct Door {
    world: World,
    address: SocketAddr,
}

/// Status, head and JSON body.
struct Heard {
    status: u16,
    head: String,
    body: Value,
}

impl Heard {
    fn outcome(&self) -> String {
        format!("{} {}", self.status, self.body["Code"].as_str().unwrap_or("no error"))
    }
}

impl Door {
    async fn open() -> Door {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let app = crate::http::routes(world.control.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Door { world, address }
    }

    async fn send(&self, method: &str, target: &str, body: &str) -> Heard {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        // A refusal may come before the whole body was taken.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        Heard { status, head: head.to_ascii_lowercase(), body }
    }

    /// An RPC request signed with `secret`; `params` are encoded already.
    fn signed(&self, secret: &str, action: &str, nonce: &str, params: &str) -> String {
        let key = &self.world.credentials.access_key_id;
        let query = format!(
            "AccessKeyId={key}&Action={action}&SignatureMethod=HMAC-SHA1&SignatureNonce={nonce}\
             &SignatureVersion=1.0&Timestamp=2026-11-22T12%3A51%3A19Z&Version=2015-01-01{params}"
        );
        let text = format!("GET&%2F&{}", encode(&query));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).expect("key");
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        format!("/?{query}&Signature={}", encode(&signature))
    }

    fn own(&self, action: &str, nonce: &str) -> String {
        self.signed(&self.world.credentials.access_key_secret, action, nonce, "")
    }
}

#[tokio::test]
async fn nobody_gets_at_any_action_without_a_good_signature() {
    let door = Door::open().await;
    for row in ACTIONS {
        let bare = format!("/?Action={}&Version=2015-01-01", row.name);
        let heard = door.send("GET", &bare, "").await;
        assert_eq!(heard.outcome(), "400 MissingAccessKeyId", "{}", row.name);
        let forged = door.signed("wrong", row.name, "n", "");
        let heard = door.send("GET", &forged, "").await;
        assert_eq!(heard.outcome(), "400 SignatureDoesNotMatch", "{}", row.name);
        let unknown = forged.replace("AccessKeyId=LTAI", "AccessKeyId=NONE");
        let heard = door.send("GET", &unknown, "").await;
        assert_eq!(heard.outcome(), "404 InvalidAccessKeyId.NotFound", "{}", row.name);
    }
    let lines = door.world.audit();
    assert!(lines.iter().all(|line| line["event"] == "refused"), "nothing was called");
}

#[tokio::test]
async fn refused_strangers_are_audited_up_to_a_rate() {
    let door = Door::open().await;
    let forged = door.signed("wrong", "DeleteInstance", "n", "");
    door.send("GET", &forged, "").await;
    let line = door.world.audit().pop().expect("audited before the answer");
    let key = door.world.credentials.access_key_id.as_str();
    let told = ["event", "action", "access_key_id", "source", "code"].map(|name| &line[name]);
    assert_eq!(told, ["refused", "DeleteInstance", key, "127.0.0.1", "SignatureDoesNotMatch"]);
    let long = format!("/?Action={}&Version=2015-01-01", "a".repeat(5_000));
    let path = door.send("GET", "/nothing", "").await;
    assert_eq!(path.outcome(), "404 InvalidPath.NotFound");
    assert_eq!(door.world.audit().pop().expect("audited")["code"], "InvalidPath.NotFound");
    for _ in 0..100 {
        door.send("GET", &long, "").await;
    }
    let lines = door.world.audit();
    assert_eq!(lines.len(), 20);
    assert_eq!(lines[19]["action"], "***", "not the name of an action");
    door.world.now_unix_ms.fetch_add(1_000, Ordering::Relaxed);
    door.send("GET", &forged, "").await;
    assert_eq!(door.world.audit().last().map(|line| &line["left_out"]), Some(&82.into()));
}

#[tokio::test]
async fn what_a_page_reads_by_itself_is_not_audited_but_all_else_is() {
    let world = World::new();
    let id = world.instance("").await;
    let rows = [
        ("LarderDescribeInstanceLive", Via::ConsoleRefresh, 0),
        ("LarderDescribeInstanceLive", Via::Console, 1),
        ("LarderDescribeInstanceLive", Via::Api, 1),
        ("DescribeInstanceAttribute", Via::ConsoleRefresh, 1),
        ("RestartInstance", Via::ConsoleRefresh, 2),
    ];
    for (action, via, lines) in rows {
        let before = world.audit().len();
        let mut call = world.request(action, &format!("InstanceId={id}"));
        call.via = via;
        world.control.call(call).await;
        assert_eq!(world.audit().len() - before, lines, "{action} {via:?}");
    }
    let mut refused = world.request("LarderDescribeInstanceLive", "InstanceId=r-none");
    refused.via = Via::ConsoleRefresh;
    let before = world.audit().len();
    world.control.call(refused).await;
    assert_eq!(world.audit().len() - before, 1, "a refusal is always told");
}

#[tokio::test]
async fn a_signed_request_counts_once_and_for_fifteen_minutes() {
    let door = Door::open().await;
    let request = door.own("DescribeRegions", "n-1");
    let heard = door.send("GET", &request, "").await;
    assert_eq!(heard.outcome(), "200 no error");
    assert!(heard.head.contains("content-type: application/json;charset=utf-8"), "{}", heard.head);
    let id = heard.body["RequestId"].as_str().expect("an id");
    assert!(id.len() == 36 && id == id.to_uppercase(), "{id}");
    let heard = door.send("GET", &request, "").await;
    assert_eq!(heard.outcome(), "400 SignatureNonceUsed");
    door.world.now_unix_ms.store(NOW_UNIX_MS + 900_001, Ordering::Relaxed);
    let heard = door.send("GET", &door.own("DescribeRegions", "n-2"), "").await;
    assert_eq!(heard.outcome(), "400 InvalidTimeStamp.Expired");
    let heard = door.send("GET", &request, "").await;
    assert_eq!(heard.outcome(), "400 InvalidTimeStamp.Expired", "also when the nonce is forgotten");
}

#[tokio::test]
async fn a_bad_guess_does_not_use_up_a_nonce() {
    let door = Door::open().await;
    let forged = door.signed("wrong", "DescribeRegions", "n-1", "");
    assert_eq!(door.send("GET", &forged, "").await.outcome(), "400 SignatureDoesNotMatch");
    let own = door.own("DescribeRegions", "n-1");
    assert_eq!(door.send("GET", &own, "").await.outcome(), "200 no error");
}

#[tokio::test]
async fn a_disabled_key_is_refused() {
    let door = Door::open().await;
    let store = door.world.control.shared.store.as_ref();
    let id = &door.world.credentials.access_key_id;
    let key = documents::get::<AccessKey>(store, Kind::AccessKey, id).expect("read");
    let key = AccessKey { state: KeyState::Inactive, ..key.expect("made").value };
    let put = documents::put(Kind::AccessKey, id, Expect::Any, &key.account_id, &key);
    store.txn(&[put]).expect("written");
    let heard = door.send("GET", &door.own("DescribeRegions", "n-1"), "").await;
    assert_eq!(heard.outcome(), "400 InvalidAccessKeyId.Inactive");
}

#[tokio::test]
async fn every_refusal_of_the_http_layer_is_json() {
    let door = Door::open().await;
    let large = "x".repeat((1 << 20) + 1);
    let rows = [
        ("GET", "/nothing", "", "404 InvalidPath.NotFound"),
        ("DELETE", "/", "", "405 MethodNotAllowed"),
        ("POST", "/", &large, "413 RequestTooLarge"),
        ("POST", "/", "", "400 MissingAction"),
    ];
    for (method, target, body, expected) in rows {
        let heard = door.send(method, target, body).await;
        assert_eq!(heard.outcome(), expected, "{method} {target}");
        for field in ["Message", "RequestId", "HostId"] {
            assert!(heard.body[field].is_string(), "{method} {target} {field}");
        }
    }
    let unknown = door.send("GET", &door.own("Nonsense", "n-1"), "").await;
    assert_eq!(unknown.outcome(), "404 InvalidAction.NotFound");
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let door = Door::open().await;
    let mut stream = TcpStream::connect(door.address).await.expect("connected");
    let head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.contains("413") && answer.contains("RequestTooLarge"), "{answer}");
}

#[tokio::test]
async fn what_a_signature_covers_reaches_the_action() {
    let door = Door::open().await;
    let secret = door.world.credentials.access_key_secret.clone();
    // Sorted by name with the common ones, as the signature wants it.
    let made = door.signed(&secret, "CreateInstance", "n-1", "&ZoneId=b1");
    let heard = door.send("GET", &made, "").await;
    assert_eq!(heard.outcome(), "400 MissingRegionId");
    let line = door.world.audit().pop().expect("audited");
    assert_eq!((&line["source"], &line["via"]), (&"127.0.0.1".into(), &"Api".into()));
    assert_eq!(line["access_key_id"], door.world.credentials.access_key_id.as_str());
    assert_eq!(line["params"], serde_json::json!({"ZoneId": "b1"}));
    assert_eq!(line["nonce"], "n-1");
}

#[tokio::test]
async fn console_login() {
    let world = World::new();
    let here = "10.0.0.1".parse().expect("address");
    let password = world.credentials.console_password.clone();
    let login =
        async |user: &str, password: &str| world.control.console_login(user, password, here).await;
    let root = login("root", &password).await.expect("right");
    assert_eq!((root.name(), root.account_id()), ("root", &*world.credentials.account_id));
    for _ in 0..3 {
        for (user, password) in [("root", "wrong"), ("nobody", &*password)] {
            let refused = login(user, password).await.expect_err("wrong");
            let braked = matches!(refused, crate::LoginError::Braked { .. });
            assert!(refused == crate::LoginError::WrongCredentials || braked, "{refused}");
        }
    }
    let braked = login("root", &password).await;
    assert_eq!(braked, Err(crate::LoginError::Braked { retry_after_s: 1 }), "right but too early");
    world.now_unix_ms.fetch_add(1000, Ordering::Relaxed);
    assert!(login("root", &password).await.is_ok());
    let lines = world.audit();
    let of = |code: &str| lines.iter().filter(|line| line["code"] == code).count();
    assert_eq!((lines.len(), of(""), of("WrongCredentials") + of("Throttling.User")), (9, 2, 7));
    assert!(lines.iter().all(|line| line["event"] == "login" && line["source"] == "10.0.0.1"));
    assert!(lines.iter().any(|line| line["principal"] == "***"), "an unknown name is not kept");
    assert!(!format!("{lines:?}").contains("nobody"));
}
