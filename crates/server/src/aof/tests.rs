//! The append-only file of a node on a disk in memory: what was accepted comes back.

use crate::aof;
use crate::memory_disk::Fault;
use crate::testing::{Bench, TestHost};

const ALWAYS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];
const ON: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "everysec")];

fn start(host: &TestHost, config: &[(&str, &str)]) -> Bench {
    Bench::with(2, host.clone(), config).expect("the files are good")
}

fn refusal(host: &TestHost, config: &[(&str, &str)]) -> String {
    Bench::with(1, host.clone(), config).err().expect("the files are bad").to_string()
}

fn wait_for_sync(bench: &Bench) {
    bench.pass_ms(1100);
    bench.keep().expect("the disk is good");
}

#[test]
fn what_was_written_comes_back() {
    let host = TestHost::default();
    let mut bench = start(&host, ON);
    bench.check(
        "
        set k v => +OK
        select 3 => +OK
        incr n => :1
        multi => +OK
        incr n => +QUEUED
        rpush l a b => +QUEUED
        exec => *2 :2 :2
        set dead v px 10 => +OK
        ",
    );
    bench.keep().expect("the disk is good");
    bench.pass_ms(20);
    let mut bench = start(&host, ON);
    bench.check(
        "
        get k => $1 v
        select 3 => +OK
        get n => $1 2
        lrange l 0 -1 => *2 $1 a $1 b
        get dead => $-1
        set n 7 => +OK
        ",
    );
    bench.keep().expect("the disk is good");
    start(&host, ON).check("select 3 => +OK \n get n => $1 7");
}

#[test]
fn only_what_is_synced_outlives_a_power_failure() {
    let mut host = TestHost::default();
    let mut bench = start(&host, ON);
    wait_for_sync(&bench);
    bench.check("set a 1 => +OK");
    wait_for_sync(&bench);
    bench.check("set b 1 => +OK");
    bench.keep().expect("the disk is good");
    host.disk = host.disk.after_power_failure();
    start(&host, ON).check("mget a b => *2 $1 1 $-1");
}

#[test]
fn torn_ends_are_cut_off_or_refused() {
    let incr = "appendonlydir/appendonly.aof.1.incr.aof";
    let host = TestHost::default();
    let mut bench = start(&host, ON);
    bench.check("set a 1 => +OK \n multi => +OK \n set b 1 => +QUEUED \n set c 1 => +QUEUED");
    bench.check("exec => *2 +OK +OK");
    bench.keep().expect("the disk is good");
    let whole = host.disk.get(incr).expect("it was written");
    let first = whole.windows(5).position(|word| word == b"MULTI").expect("it is there") - 8;
    for len in first + 1..whole.len() {
        host.disk.set(incr, &whole[..len]);
        let strict = [("appendonly", "yes"), ("aof-load-truncated", "no")];
        let text = refusal(&host, &strict);
        assert!(text.starts_with("Unexpected end of file reading the append only file"), "{text}");
        start(&host, ON).check("mget a b c => *3 $1 1 $-1 $-1");
        assert_eq!(host.disk.get(incr).expect("it is there"), whole[..first], "cut at {len}");
    }
    host.disk.set(incr, &[&whole[..], b"!!!"].concat());
    assert!(refusal(&host, ON).starts_with("Bad file format reading the append only file"));
    host.disk.set(incr, &[&whole[..], b"*1\r\n$3\r\nbla\r\n"].concat());
    assert!(refusal(&host, ON).starts_with("Unknown command 'bla' reading the append only file"));
}

#[test]
fn a_rewrite_replaces_the_files() {
    for form in ["yes", "no"] {
        let host = TestHost::default();
        let config = [ON, &[("aof-use-rdb-preamble", form)]].concat();
        let mut bench = start(&host, &config);
        bench.check("set a 1 => +OK \n hset h f v => :1 \n zadd z 1.5 m => :1 \n sadd s x => :1");
        bench.check("rpush l a b => :2 \n set t v pxat 9999999 => +OK");
        bench.check("bgrewriteaof => +Background append only file rewriting started");
        bench.check(
            "bgrewriteaof => -ERR Background append only file rewriting already in progress",
        );
        bench.check("set b 2 => +OK");
        bench.keep().expect("the disk is good");
        bench.check("set c 3 => +OK");
        bench.keep().expect("the disk is good");
        let suffix = if form == "yes" { "rdb" } else { "aof" };
        let want = [
            format!("appendonlydir/appendonly.aof.2.base.{suffix}"),
            "appendonlydir/appendonly.aof.2.incr.aof".to_owned(),
            "appendonlydir/appendonly.aof.manifest".to_owned(),
        ];
        assert_eq!(host.disk.names(), want);
        let mut again = start(&host, ON);
        again.check(
            "
            mget a b c => *3 $1 1 $1 2 $1 3
            hget h f => $1 v
            zscore z m => $3 1.5
            sismember s x => :1
            lrange l 0 -1 => *2 $1 a $1 b
            pexpiretime t => :9999999
            ",
        );
    }
}

#[test]
fn it_is_switched_on_and_off_while_running() {
    let host = TestHost::default();
    let mut bench = start(&host, &[]);
    bench.check("set before 1 => +OK \n config set appendonly yes => +OK");
    assert!(host.disk.names().is_empty());
    bench.keep().expect("the disk is good");
    bench.check("set on 1 => +OK");
    bench.check("config set appendonly no => +OK \n set off 1 => +OK");
    bench.keep().expect("the disk is good");
    assert!(!bench.shared.journal.is_wanted());
    start(&host, ON).check("mget before on off => *3 $1 1 $1 1 $-1");
    bench.check("config set appendonly yes => +OK \n set again 1 => +OK");
    bench.keep().expect("the disk is good");
    start(&host, ON).check("mget off again => *2 $1 1 $1 1");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let host = TestHost::default();
    let mut bench = start(&host, ON);
    bench.check("set a 1 => +OK");
    bench.keep().expect("the disk is good");
    host.disk.set_fault(Fault::Full);
    bench.check("set b 1 => +OK");
    bench.keep().expect("everysec goes on");
    let misconf = "-MISCONF Errors writing to the AOF file: No space left on device";
    bench.check(&format!("set c 1 => {misconf} \n ping => {misconf} \n get b => $1 1"));
    host.disk.set_fault(Fault::None);
    bench.pass_ms(100);
    bench.keep().expect("the disk is good");
    bench.check("set c 1 => +OK");
    bench.keep().expect("the disk is good");
    start(&host, ON).check("mget a b c => *3 $1 1 $1 1 $1 1");
}

#[test]
fn a_failed_sync_is_healed_by_a_new_base_only() {
    let mut host = TestHost::default();
    let mut bench = start(&host, ON);
    wait_for_sync(&bench);
    bench.check("set a 1 => +OK");
    host.disk.set_fault(Fault::Sync);
    bench.pass_ms(1100);
    bench.keep().expect("everysec goes on");
    let misconf = "-MISCONF Errors writing to the AOF file: Input/output error";
    bench.check(&format!("set b 1 => {misconf}"));
    host.disk.set_fault(Fault::None);
    bench.check(&format!("set b 1 => {misconf}"));
    bench.pass_ms(1100);
    bench.keep().expect("the disk is good");
    bench.check("set b 1 => +OK");
    wait_for_sync(&bench);
    host.disk = host.disk.after_power_failure();
    start(&host, ON).check("mget a b => *2 $1 1 $1 1");
}

#[test]
fn it_is_rewritten_when_it_has_grown() {
    let host = TestHost::default();
    let mut bench = start(&host, &[ON, &[("auto-aof-rewrite-min-size", "1500")]].concat());
    let long = "x".repeat(300);
    for _ in 0..5 {
        bench.check(&format!("set k {long} => +OK"));
        bench.keep().expect("the disk is good");
    }
    let report = bench.shared.aof.report();
    assert_eq!((report.rewrites, report.rewrite_failed), (1, false), "{:?}", host.lines);
    assert!(report.bytes < 1600, "{report:?} {:?}", host.lines);
}

#[test]
fn a_file_of_an_old_version_is_taken_over() {
    let host = TestHost::default();
    host.disk.set("appendonly.aof", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n");
    start(&host, ON).check("get k => $1 v");
    let want = ["appendonly.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"];
    assert_eq!(host.disk.names(), want.map(|name| format!("appendonlydir/{name}")));
    start(&host, ON).check("get k => $1 v");
}

#[test]
fn debug_reads_it_again() {
    let host = TestHost::default();
    let config = [ON, &[("enable-debug-command", "yes")]].concat();
    let mut bench = start(&host, &config);
    bench.check("set k v => +OK \n set l 1 ex 100 => +OK \n debug loadaof => +OK");
    bench.check("mget k l => *2 $1 v $1 1 \n ttl l => :100 \n set k w => +OK \n get k => $1 w");
    bench.keep().expect("the disk is good");
    start(&host, ON).check("get k => $1 w");
}

/// Keys of which no two share a shard, and none that of `k`.
fn apart(bench: &Bench) -> [&'static str; 2] {
    let shard =
        |key: &str| engine::keyspace::shard_of(bench.shared.executor.seed().hash(key.as_bytes()));
    let (k, all) = (shard("k"), ["a", "b", "c", "d", "e"]);
    let mut found = all.into_iter().filter(|key| shard(key) != k);
    let first = found.next().expect("five keys are not in one shard");
    let second = found.find(|key| shard(key) != shard(first)).expect("nor in two");
    [first, second]
}

#[test]
fn under_always_nothing_leaves_that_a_crash_could_take_back() {
    let host = TestHost::default();
    let mut bench = start(&host, ALWAYS);
    bench.keep().expect("the disk is good");
    let [other, third] = apart(&bench);
    bench.check("b> subscribe news => *3 $9 subscribe $4 news :1");
    bench.check(&format!("c> blpop {third} 0 =>"));
    // Replies to writes wait, and those to reads of what they wrote; others do not.
    bench.check("ping => +PONG \n set k v => \n read =>");
    bench.check("d> get k =>");
    bench.check(&format!("e> get {other} => $-1 \n e> dbsize =>"));
    bench.check("f> publish news now =>");
    bench.check(&format!("f> rpush {third} x =>"));
    bench.check("b> read => \n c> read =>");
    assert!(start_after_power_failure(&host).send('a', b"GET k\r\n").starts_with("$-1"));
    bench.keep().expect("the disk is good");
    bench.check("read => +OK \n d> read => $1 v \n e> read => :1");
    bench.check(&format!("c> read => *2 $1 {third} $1 x"));
    bench.check("f> read => :1 :1 \n b> read => *3 $7 message $4 news $3 now");
    bench.check("d> get k => $1 v");
    start_after_power_failure(&host).check("get k => $1 v");
}

fn start_after_power_failure(host: &TestHost) -> Bench {
    let mut after = TestHost::default();
    after.disk = host.disk.after_power_failure();
    let bench = start(&after, ALWAYS);
    bench.keep().expect("the disk is good");
    bench
}

#[test]
fn under_always_transactions_scripts_and_their_messages_wait() {
    let host = TestHost::default();
    let mut bench = start(&host, ALWAYS);
    bench.keep().expect("the disk is good");
    bench.check("b> psubscribe n* => *3 $10 psubscribe $2 n* :1");
    bench.check("multi => +OK \n publish news 1 => +QUEUED \n incr k => +QUEUED \n exec =>");
    bench.check("b> read => \n c> dbsize =>");
    bench.keep().expect("the disk is good");
    bench.check("read => *2 :1 :1 \n b> read => *4 $8 pmessage $2 n* $4 news $1 1");
    bench.check("c> read => :1");
    bench.check("eval \"redis.call('publish','n','2') redis.call('set','s','1')\" 0 =>");
    bench.check("c> get s => \n b> read =>");
    bench.keep().expect("the disk is good");
    bench.check("read => $-1 \n c> read => $1 1 \n b> read => *4 $8 pmessage $2 n* $1 n $1 2");
}

#[test]
fn always_begins_and_ends_while_running() {
    let host = TestHost::default();
    let mut bench = start(&host, ON);
    bench.keep().expect("the disk is good");
    bench.check("set k 1 => +OK \n config set appendfsync always =>");
    bench.check("b> get k => \n read =>");
    bench.keep().expect("the disk is good");
    bench.check("read => +OK \n b> read => $1 1 \n set k 2 =>");
    bench.check("b> config set appendfsync everysec => +OK \n read => +OK");
    bench.check("get k => $1 2 \n config set appendonly no => +OK \n set k 3 => +OK");
    bench.check("config set appendfsync always => +OK \n config set appendonly yes => +OK");
    bench.check("set k 4 => +OK");
    bench.keep().expect("the disk is good");
    bench.check("set k 5 =>");
    bench.keep().expect("the disk is good");
    bench.check("read => +OK");
}

#[test]
fn under_always_a_failed_sync_ends_the_process_and_a_failed_write_holds_replies() {
    let host = TestHost::default();
    let mut bench = start(&host, ALWAYS);
    bench.keep().expect("the disk is good");
    host.disk.set_fault(Fault::Full);
    bench.check("set k 1 =>");
    bench.keep().expect("it can be tried again");
    let misconf = "-MISCONF Errors writing to the AOF file: No space left on device";
    bench.check(&format!("b> set l 1 => {misconf} \n b> get k => \n read =>"));
    host.disk.set_fault(Fault::None);
    bench.pass_ms(100);
    bench.keep().expect("the disk is good");
    bench.check("read => +OK \n b> read => $1 1 \n b> set l 1 =>");
    host.disk.set_fault(Fault::Sync);
    let end = bench.keep().expect_err("nothing can be promised any more");
    assert!(end.starts_with("Can't persist AOF for fsync error"), "{end}");
    bench.check("b> read =>");
}

#[test]
fn times_are_noted_between_commands() {
    let host = TestHost::default();
    let config = [ON, &[("aof-timestamp-enabled", "yes"), ("aof-use-rdb-preamble", "no")]].concat();
    let mut bench = start(&host, &config);
    for step in 0..3 {
        bench.check(&format!("set k{step} 1 => +OK \n set l{step} 1 => +OK"));
        bench.keep().expect("the disk is good");
        bench.pass_ms(600);
    }
    let read = |name: &str| String::from_utf8(host.disk.get(name).expect("it is there"));
    let incr = read("appendonlydir/appendonly.aof.1.incr.aof").expect("it is text");
    assert!(incr.starts_with("#TS:1000\r\n*2\r\n"), "{incr}");
    assert_eq!(incr.matches("#TS:").count(), 2, "{incr}");
    bench.check("bgrewriteaof => +Background append only file rewriting started");
    bench.keep().expect("the disk is good");
    let base = read("appendonlydir/appendonly.aof.2.base.aof").expect("it is text");
    assert!(base.starts_with("#TS:1001\r\n*2\r\n"), "{base}");
    start(&host, ON).check("mget k0 l1 k2 => *3 $1 1 $1 1 $1 1");
}

#[test]
fn writers_faster_than_the_disk_wait_for_it() {
    let host = TestHost::default();
    let mut bench = start(&host, ON);
    bench.keep().expect("the disk is good");
    let long = "x".repeat(1 << 20);
    for i in 0..100 {
        let set = format!("*3\r\n$3\r\nSET\r\n$3\r\nk{i:02}\r\n$1048576\r\n{long}\r\n");
        bench.send('a', set.as_bytes());
    }
    // Where the disk is far behind, one turn leaves nothing.
    aof::step(&bench.shared);
    let increment = "appendonlydir/appendonly.aof.1.incr.aof";
    assert!(host.disk.get(increment).expect("it is there").len() > 100 << 20);
    start(&host, ON).check("dbsize => :100");
}

#[test]
fn a_failed_sync_that_a_client_meets_first_ends_the_process_too() {
    let host = TestHost::default();
    let mut bench = start(&host, &[ALWAYS, &[("enable-debug-command", "yes")]].concat());
    bench.keep().expect("the disk is good");
    bench.check("set k 1 =>");
    host.disk.set_fault(Fault::Sync);
    bench.send('b', b"DEBUG LOADAOF\r\n");
    host.disk.set_fault(Fault::None);
    let end = bench.keep().expect_err("nothing can be promised any more");
    assert!(end.starts_with("Can't persist AOF for fsync error"), "{end}");
    bench.check("read =>");
}
