//! DEBUG, SLOWLOG, CONFIG and counters of commands, over whole conversations, with one loop and
//! with several.

use crate::testing::{Bench, TestHost};

fn check(config: &[(&str, &str)], script: &str) {
    for loops in [1, 4] {
        let bench = Bench::with(loops, TestHost::default(), config);
        bench.expect("the parameters are good").check(script);
    }
}

#[test]
fn debug_needs_leave() {
    let mut bench = Bench::new(1);
    let reply = bench.send('a', b"DEBUG HELP\r\n");
    assert!(reply.starts_with("-ERR DEBUG command not allowed."), "{reply}");
}

#[test]
fn data_survive_a_reload() {
    check(
        &[("enable-debug-command", "yes")],
        r#"
        a> debug digest => +0000000000000000000000000000000000000000
        a> set text hello => +OK
        a> debug digest => +1c636bd6892ee3583fee4f2a4b57b6aff15ec86b
        a> debug reload => +OK
        a> get text => $5 hello
        a> debug digest => +1c636bd6892ee3583fee4f2a4b57b6aff15ec86b
        a> set more x => +OK
        a> debug reload nosave => +OK
        a> debug digest => +1c636bd6892ee3583fee4f2a4b57b6aff15ec86b
        a> debug protocol integer => :12345
        a> debug stringmatch-len a*c abc => :1
        a> debug error "OOPS no" => -OOPS no
        "#,
    );
}

#[test]
fn slow_requests_are_logged_without_secrets() {
    check(
        &[("slowlog-log-slower-than", "0"), ("slowlog-max-len", "2")],
        r#"
        a> set k v => +OK
        a> config set requirepass secret => +OK
        a> slowlog len => :2
        a> config set slowlog-log-slower-than -1 => +OK
        a> slowlog reset => +OK
        a> get k => $1 v
        a> slowlog len => :0
        "#,
    );
    let config = [("slowlog-log-slower-than", "0")];
    let mut bench = Bench::with(1, TestHost::default(), &config).expect("the values are good");
    bench.send('a', b"CONFIG SET requirepass secret\r\n");
    let log = bench.send('a', b"SLOWLOG GET 1\r\n");
    assert!(log.contains("(redacted)") && !log.contains("secret"), "{log}");
}

#[test]
fn failures_and_refusals_are_counted() {
    let mut bench = Bench::new(1);
    for line in ["SET k v\r\n", "INCR k\r\n", "GET\r\n", "GET k\r\n"] {
        bench.send('a', line.as_bytes());
    }
    let info = bench.send('a', b"INFO commandstats errorstats\r\n");
    for want in [
        "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
        "cmdstat_get:calls=1,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
        "errorstat_ERR:count=2",
    ] {
        assert!(info.contains(want), "{want}: {info}");
    }
}
