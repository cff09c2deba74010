//! What each kind of account may do on a managed node, over every row of the command table.

use crate::gate::{self, GateState};
use crate::session::Session;
use crate::testing::Bench;
use crate::tests::managed;
use catalog::commands::Index;
use catalog::{Command, Flags};
use engine::CommandError;
use std::sync::Arc;

/// Rows that change no data and yet are not for accounts that only read: they act on others.
const ACTS_ON_OTHERS: &[&str] = &[
    "client|kill",
    "client|pause",
    "client|unblock",
    "client|unpause",
    // Of the parameters its handler decides, one by one.
    "config|set",
    "function|kill",
    "publish",
    "script|flush",
    "script|kill",
];

/// Rows that look at the node as administrators do and are for every account.
const LOOKS: &[&str] = &[
    "config|get",
    "latency|doctor",
    "latency|histogram",
    "latency|history",
    "latency|latest",
    "role",
    "slowlog|get",
    "slowlog|len",
];

/// What the gates say to `user` (nobody for none): `""`, or the first word that names the refusal.
fn verdict(row: &Command, user: Option<&str>) -> &'static str {
    let access = Arc::new(managed());
    let mut session = Session::for_tests();
    session.user = user.map(|name| Arc::clone(access.find(name.as_bytes()).expect("it is there")));
    let state = GateState { primary: true, access, ..GateState::default() };
    match gate::check(&state, &session, row, || 0) {
        Ok(()) => "",
        Err(CommandError::Reply(text)) if text.starts_with("NOPERM") => "NOPERM",
        Err(CommandError::Reply(text)) if text.starts_with("NOAUTH") => "NOAUTH",
        Err(CommandError::Reply(text)) if text.contains("not support for normal user; ") => {
            "managed"
        }
        other => panic!("{}: {other:?}", row.name),
    }
}

#[test]
fn account_by_command() {
    let index = Index::new();
    let allowed_to_nobody = ["auth", "hello", "quit", "reset"];
    for row in index.rows() {
        let (name, flags) = (row.name, row.flags);
        let for_tenants = LOOKS.contains(&name) || name == "config|set";
        let is_admin = flags.has(Flags::ADMIN) && !for_tenants;
        let changes = flags.has(Flags::WRITE) || ACTS_ON_OTHERS.contains(&name);
        let (writer, reader) = match (is_admin, changes) {
            (true, _) => ("managed", "managed"),
            (false, true) => ("", "NOPERM"),
            (false, false) => ("", ""),
        };
        let nobody = if allowed_to_nobody.contains(&name) { "" } else { "NOAUTH" };
        assert_eq!(verdict(row, Some("default")), writer, "{name} by who writes");
        assert_eq!(verdict(row, Some("ro")), reader, "{name} by who reads");
        assert_eq!(verdict(row, None), nobody, "{name} by nobody");
    }
    for name in ACTS_ON_OTHERS.iter().chain(LOOKS) {
        assert!(index.find(name.as_bytes()).is_some(), "{name}");
    }
}

/// One key of each type, each with something to take away.
const DATA: &str = "
    w> set s 5 => +OK
    w> hset h f 1 g 2 => :2
    w> rpush l a b c => :3
    w> sadd t a b c => :3
    w> zadd z 1 a 2 b => :2
    w> set mortal v ex 1000 => +OK
    w> xadd x 1-1 f v => $3 1-1
    w> xgroup create x g 0 => +OK
    w> xreadgroup group g c count 1 streams x > => *1 *2 $1 x *1 *2 $3 1-1 *2 $1 f $1 v
    w> xadd x 2-1 f v => $3 2-1
";

/// Words behind a command's name that fit many of them.
fn tails() -> Vec<String> {
    let mut tails = vec![String::new(), "0".into(), "* ".into()];
    for key in ["s", "h", "l", "t", "z", "mortal"] {
        for rest in [
            "",
            "1",
            "a",
            "f",
            "0 -1",
            "0 1",
            "f 1",
            "1 a",
            "f 7 x",
            "0 x",
            "a x",
            "other",
            "1 2 x",
            "0 100 withscores",
            "persist",
            "ex 10",
            "store other",
            "left right",
            "other 0",
            "before b x",
            "other left right",
            "limit 0 1 store other",
            "encoding s",
            "l 1",
            "1 x y",
            "ro 1 10",
            "set u8 0 1",
            "other a",
            "fields 1 f",
            "100 fields 1 f",
            "4000000000000 fields 1 f",
            "ex 10 fields 1 f",
            "ex 10 fields 1 f v",
        ] {
            tails.push(format!("{key} {rest}"));
        }
        tails.push(format!("1 {key}"));
        tails.push(format!("1 {key} max"));
        tails.push(format!("other {key}"));
        tails.push(format!("other 1 {key}"));
        tails.push(format!("and other {key}"));
        tails.push(format!("1 {key} left"));
        tails.push(format!("0 1 {key} left"));
        tails.push(format!("other {key} 0 -1"));
        tails.push(format!("other {key} a"));
    }
    let of_streams = [
        "x g 1-1",
        "x 1-1",
        "x 9-9",
        "x g c 0 1-1",
        "x g c 0 0",
        "x g c",
        "x g",
        "x g2 $",
        "x g 2-1",
        "x maxlen 1",
        "x g fail ids 1 1-1",
        "x ids 1 1-1",
        "x g ids 1 1-1",
        "x idmp-maxsize 5",
        "group g c streams x >",
    ];
    tails.extend(of_streams.map(str::to_owned));
    tails
}

/// What the journal got when `user` ran every tail of a command: plainly, in a transaction and in
/// a script.
fn effects(row: &Command, user: &str) -> String {
    let mut bench = Bench::new(1);
    bench.set_access(managed());
    bench.check("w> auth pw => +OK");
    bench.check(DATA);
    let journal = bench.record();
    let name = row.name.replace('|', " ");
    for (at, tail) in tails().iter().enumerate() {
        let words = format!("{name} {tail}");
        let words = words.trim();
        let call = words.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(",");
        let log_in = if user == "ro" { "auth ro x" } else { "auth pw" };
        let keys = "7 s h l t z mortal other";
        // A connection of its own: some commands close it, block it or make it listen.
        let conn = char::from_u32('\u{1000}' as u32 + at as u32).expect("a letter");
        for request in [
            log_in,
            words,
            "multi",
            words,
            "exec",
            &format!("eval \"return redis.pcall({call})\" {keys}"),
            &format!("eval_ro \"return redis.pcall({call})\" {keys}"),
        ] {
            bench.send(conn, format!("{request}\r\n").as_bytes());
        }
        bench.send(conn, b"discard\r\nquit\r\n");
    }
    bench.recorded(&journal)
}

#[test]
fn who_reads_changes_nothing_whatever_the_command() {
    let index = Index::new();
    let mut quiet = Vec::new();
    for row in index.rows().iter().filter(|row| !row.flags.has(Flags::CONTAINER)) {
        assert_eq!(effects(row, "ro"), "", "{}", row.name);
        let ends_the_test = row.flags.has(Flags::INTERFERES);
        if row.flags.has(Flags::WRITE) && !ends_the_test && effects(row, "default").is_empty() {
            quiet.push(row.name);
        }
    }
    // The same requests by who may write: the test could have failed.
    assert!(quiet.len() < 20, "no effect by who writes: {quiet:?}");
}

#[test]
fn nobody_reads_the_secrets_of_others() {
    let mut bench = Bench::new(1);
    bench.set_access(managed());
    bench.check(
        "
        w> auth default pw => +OK
        w> hello 2 auth default canary-1 => -WRONGPASS invalid username-password pair or user is disabled.
        w> auth default canary-2 => -WRONGPASS invalid username-password pair or user is disabled.
        w> acl setuser x on >canary-3 => -ERR command 'ACL' not support for normal user; accounts are made and changed by the actions around CreateAccount (larder api CreateAccount)
        r> auth ro x => +OK
        ",
    );
    for user in ['r', 'w'] {
        for look in [
            "slowlog get 100",
            "client list",
            "client info",
            "info everything",
            "config get *",
            "latency latest",
            "latency histogram",
            "command docs auth",
            "role",
            "memory stats",
            "function list",
            "script exists x",
            "command getkeys auth default pw",
        ] {
            let got = bench.send(user, format!("{look}\r\n").as_bytes());
            assert!(!got.contains("canary"), "{look}: {got}");
            assert!(!got.contains("requirepass") && !got.contains("masterauth"), "{look}: {got}");
        }
    }
}
