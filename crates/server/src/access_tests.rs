//! Accounts of a managed node over whole conversations: the brake on guessing.

use crate::access::{Access, Allowlist, User};
use crate::testing::Bench;
use crate::tests::managed;
use crate::{error, info};
use std::sync::Arc;

/// A managed node that `count` sources may reach: connection `a` is the first of them.
fn bench(loops: usize, sources: &[&str]) -> Bench {
    let mut bench = Bench::new(loops);
    bench.set_access(Access { allowlist: Allowlist::Everybody, ..managed() });
    for (name, source) in ('a'..).zip(sources) {
        bench.connect_from(name, source);
    }
    bench
}

fn braked() -> String {
    format!("-{}", error::BRAKED)
}

fn wrong() -> String {
    format!("-{}", error::WRONGPASS)
}

/// How many of `count` wrong passwords were looked at.
fn looked_at(bench: &mut Bench, name: char, count: usize) -> usize {
    let answers: Vec<_> = (0..count).map(|_| bench.send(name, b"auth default nope\r\n")).collect();
    let count_of = |text: &str| answers.iter().filter(|answer| **answer == text).count();
    assert_eq!(count_of(&wrong()) + count_of(&braked()), count, "{answers:?}");
    count_of(&wrong())
}

fn info(bench: &mut Bench, name: &str) -> u64 {
    let gate = bench.shared.executor.look(0, Clone::clone);
    let mut space = bench.shared.executor.walk();
    let text = info::text(&bench.shared, &gate, &mut space, &[b"stats"]).expect("it is free");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.expect(name).parse().expect("a number")
}

#[test]
fn ten_guesses_a_second_from_one_source_over_all_its_connections() {
    for loops in [1, 4] {
        let mut bench = bench(loops, &["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1"]);
        assert_eq!(looked_at(&mut bench, 'a', 6), 6);
        assert_eq!(looked_at(&mut bench, 'b', 50), 4, "{loops} loops");
        for request in ["auth pw", "auth default pw", "auth r-1:pw", "hello 3 auth default pw"] {
            bench.check(&format!("a> {request} => {}\nd> {request} => {}", braked(), braked()));
        }
        // The right user from elsewhere, and an attacker there who is told no more.
        bench.check("c> auth pw => +OK\nc> set k v => +OK");
        assert_eq!(looked_at(&mut bench, 'c', 20), 10);
        bench.check("c> get k => $1 v");
        assert_eq!(info(&mut bench, "acl_access_denied_auth"), 20);
        assert_eq!(info(&mut bench, "larder_braked_logins"), 46 + 8 + 10);
        bench.pass_ms(999);
        assert_eq!(looked_at(&mut bench, 'b', 20), 0);
        bench.pass_ms(1);
        bench.check("a> auth pw => +OK\na> get k => $1 v");
        assert_eq!(looked_at(&mut bench, 'b', 20), 10);
        // Who is logged in is not in the way of the brake.
        bench.check("a> get k => $1 v\na> client getname => $-1");
    }
}

#[test]
fn every_way_to_guess_counts() {
    let guesses = [
        "auth nope",
        "auth default nope",
        "auth nobody pw",
        "auth ro:nope",
        "hello 3 auth default nope",
        "hello 2 auth nobody nope setname x",
    ];
    for guess in guesses {
        let mut bench = bench(1, &["10.0.0.1"]);
        let line = format!("a> {guess} => {}\n", wrong());
        bench.check(&line.repeat(10));
        bench.check(&format!("a> {guess} => {}", braked()));
    }
    // Queued, they are looked at by EXEC; that of an open node is one where it names an account.
    let mut bench = bench(1, &["10.0.0.1", "10.0.0.2"]);
    bench.check("a> auth pw => +OK\na> multi => +OK");
    bench.check(&"a> auth default nope => +QUEUED\n".repeat(12));
    let got = bench.send('a', b"exec\r\n");
    assert_eq!((got.matches(&wrong()).count(), got.matches(&braked()).count()), (10, 2), "{got}");
    let mut access = managed();
    for user in access.users.iter_mut().filter(|user| user.name == "default") {
        *user = Arc::new(User { password_free: true, ..(**user).clone() });
    }
    bench.set_access(Access { allowlist: Allowlist::Everybody, ..access });
    bench.check(&"b> auth anything => +OK\n".repeat(30));
    bench.check(&"b> auth ro:nope => +OK\n".repeat(10));
    bench.check(&format!("b> auth ro:x => {}", braked()));
}

#[test]
fn right_passwords_are_never_braked_and_a_known_one_buys_no_guesses() {
    let mut bench =
        bench(4, &["10.0.0.1", "10.0.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::"]);
    bench.check(&"a> auth pw => +OK\n".repeat(500));
    for _ in 0..9 {
        assert_eq!(looked_at(&mut bench, 'b', 1), 1);
        bench.check("b> auth ro x => +OK");
    }
    assert_eq!(looked_at(&mut bench, 'b', 3), 1);
    assert_eq!(looked_at(&mut bench, 'c', 6) + looked_at(&mut bench, 'd', 6), 10, "one /64");
    bench.check("e> auth pw => +OK");
}

#[test]
fn a_drop_in_has_no_brake() {
    let mut bench = Bench::new(1);
    bench.set_access(Access { allowlist: Allowlist::Everybody, managed: false, ..managed() });
    assert_eq!(looked_at(&mut bench, 'a', 100), 100);
    bench.check("a> auth pw => +OK");
}
