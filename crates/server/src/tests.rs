//! Whole conversations with the core of a node, with one loop and with several.

use crate::access::{Access, Allowlist, Right, Rights, User, Verifier};
use crate::testing::Bench;
use engine::keyspace::shard_of;
use std::sync::Arc;

fn check(script: &str) {
    for loops in [1, 4] {
        Bench::new(loops).check(script);
    }
}

pub(crate) fn managed() -> Access {
    let user = |name: &str, password: &str, right| {
        let verifiers = vec![Verifier::new(b"salt", password.as_bytes())];
        let rights = Rights::new(right);
        Arc::new(User { name: name.into(), verifiers, password_free: false, rights })
    };
    let full = |name: &str| user(name, "pw", Right::Write);
    let users = vec![full("r-1"), full("default"), user("ro", "x", Right::Read)];
    let allowlist = Allowlist::parse(["127.0.0.1"].into_iter()).expect("an address");
    Access { users, allowlist, managed: true, ..Access::default() }
}

#[test]
fn pipelines_and_both_request_forms() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        let requests = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nGET k\r\n*1\r\n$4\r\nPING\r\n";
        assert_eq!(bench.send('a', requests), "+OK $1 v +PONG");
        for (at, byte) in requests.iter().enumerate() {
            let got = bench.send('b', &[*byte]);
            assert!(at < requests.len() - 1 || got == "+PONG", "{got}");
        }
    }
}

#[test]
fn empty_lines_between_pieces_of_requests() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.send('a', b"PING\r\n\r\n*0\r\n*1\r\n$4\r\nPI"), "+PONG");
    assert_eq!(bench.send('a', b"NG\r\n\r\n*2\r\n$4\r\nECHO\r\n$1\r"), "+PONG");
    assert_eq!(bench.send('a', b"\nx\r\nPING\r\n"), "$1 x +PONG");
}

#[test]
fn a_long_pipeline_crosses_batches() {
    let mut bench = Bench::new(1);
    let requests = "INCR k\r\n".repeat(1000);
    assert!(bench.send('a', requests.as_bytes()).ends_with(":999 :1000"));
}

#[test]
fn errors_name_the_culprit() {
    check(
        "
        nosuch a b => -ERR unknown command 'nosuch', with args beginning with: 'a' 'b'
        migrate h 1 k 0 9 AUTH secret => -ERR unknown command 'migrate', with args beginning with:
        get => -ERR wrong number of arguments for 'get' command
        client nosuch => -ERR unknown subcommand 'nosuch'. Try CLIENT HELP.
        client => -ERR wrong number of arguments for 'client' command
        select 16 => -ERR DB index is out of range
        hello 4 => -NOPROTO unsupported protocol version
        config set nosuch 1 => -ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'
        ping => +PONG
        ",
    );
    let mut bench = Bench::new(1);
    assert_eq!(
        bench.send('a', b"*1\r\nPING\r\n"),
        "-ERR Protocol error: expected '$', got 'P' closed"
    );
}

#[test]
fn transactions() {
    check(
        "
        multi => +OK
        set k 1 => +QUEUED
        incr k => +QUEUED
        exec => *2 +OK :2
        exec => -ERR EXEC without MULTI
        multi => +OK
        multi => -ERR MULTI calls can not be nested
        discard => +OK
        multi => +OK
        nosuch => -ERR unknown command 'nosuch', with args beginning with:
        get k => +QUEUED
        exec => -EXECABORT Transaction discarded because of previous errors.
        multi => +OK
        incr k => +QUEUED
        flushall => +QUEUED
        set k x => +QUEUED
        incr k => +QUEUED
        exec => *4 :3 +OK +OK -ERR value is not an integer or out of range
        get k => $1 x
        ",
    );
}

#[test]
fn watched_keys() {
    check(
        "
        watch k => +OK
        b> set k 1 => +OK
        multi => +OK
        set k 2 => +QUEUED
        exec => *-1
        get k => $1 1
        watch k => +OK
        b> del k => :1
        b> set k 1 => +OK
        multi => +OK
        exec => *-1
        watch k => +OK
        unwatch => +OK
        b> set k 3 => +OK
        multi => +OK
        get k => +QUEUED
        exec => *1 $1 3
        watch none => +OK
        b> flushall => +OK
        multi => +OK
        exec => *0
        set k 1 => +OK
        watch k => +OK
        b> flushall => +OK
        multi => +OK
        exec => *-1
        ",
    );
}

#[test]
fn a_watched_key_that_was_dead_already_has_not_changed() {
    let mut bench = Bench::new(2);
    bench.check("set k v PX 10 => +OK");
    bench.pass_ms(20);
    bench.check(
        "
        watch k => +OK
        b> get k => $-1
        multi => +OK
        exec => *0
        ",
    );
}

#[test]
fn publish_and_subscribe_across_loops() {
    check(
        "
        a> subscribe news => *3 $9 subscribe $4 news :1
        a> psubscribe n* => *3 $10 psubscribe $2 n* :2
        b> publish news hi => :2
        a> read => *3 $7 message $4 news $2 hi *4 $8 pmessage $2 n* $4 news $2 hi
        b> pubsub numsub news x => *4 $4 news :1 $1 x :0
        b> pubsub channels => *1 $4 news
        a> get k => -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        a> ping => *2 $4 pong $0
        a> unsubscribe => *3 $11 unsubscribe $4 news :1
        a> punsubscribe => *3 $12 punsubscribe $2 n* :0
        a> unsubscribe => *3 $11 unsubscribe $-1 :0
        b> publish news hi => :0
        c> hello 3 => %7 $6 server $5 redis $7 version $5 7.2.4 $5 proto :3 $2 id :3 $4 mode $10 standalone $4 role $6 master $7 modules *0
        c> subscribe news => >3 $9 subscribe $4 news :1
        c> set k v => +OK
        c> publish news me => :1 >3 $7 message $4 news $2 me
        ",
    );
}

#[test]
fn passwords_and_the_allowlist() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.set_access(managed());
        bench.check(
            "
            a> ping => -NOAUTH Authentication required.
            a> auth wrong => -WRONGPASS invalid username-password pair or user is disabled.
            a> hello 3 => -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
            a> auth pw => +OK
            a> ping => +PONG
            b> auth r-1:pw => +OK
            c> auth ro x => +OK
            c> set k v => -NOPERM this user has no permissions to run the 'set' command
            c> get k => $-1
            d> hello 2 auth default pw setname me => *14 $6 server $5 redis $7 version $5 7.2.4 $5 proto :2 $2 id :4 $4 mode $10 standalone $4 role $6 master $7 modules *0
            d> client getname => $2 me
            d> shutdown => -ERR command 'SHUTDOWN' not support for normal user; the instance is started anew by the action RestartInstance (larder api RestartInstance)
            d> config get dir requirepass maxmemory => *2 $9 maxmemory $1 0
            d> config set maxmemory 1 => -ERR command 'CONFIG SET' not support for normal user with argument 'maxmemory'; ModifyInstanceConfig sets the parameters of the instance
            ",
        );
        bench.connect_from('e', "127.0.0.2");
        bench.check(
            "
            e> auth pw => -ERR illegal address
            e> nosuch => -ERR illegal address
            ",
        );
        assert!(!bench.is_stopped());
    }
}

#[test]
fn an_account_that_changes_is_felt_by_open_connections() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.set_access(managed());
        let log_in = "
            a> auth r-1 pw => +OK
            b> auth ro x => +OK
            c> auth default pw => +OK
            d> auth default pw => +OK
            a> multi => +OK
            a> set k v => +QUEUED
            b> subscribe news => *3 $9 subscribe $4 news :1
            d> blpop list 0 =>
        ";
        bench.check(log_in);
        let mut access = managed();
        access.users.retain(|user| user.name != "ro");
        for user in &mut access.users {
            *user = Arc::new(User { rights: Rights::new(Right::Read), ..(**user).clone() });
        }
        bench.set_access(access);
        bench.check(
            "
            a> exec => -EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'set' command
            a> get k => $-1
            b> read => closed
            c> set k v => -NOPERM this user has no permissions to run the 'set' command
            c> client kill id 1 => -NOPERM this user has no permissions to run the 'client kill' command
            d> read => closed
            e> auth ro x => -WRONGPASS invalid username-password pair or user is disabled.
            ",
        );
        bench.set_access(managed());
        bench.check("c> set k v => +OK");
    }
}

#[test]
fn strangers_get_little() {
    let mut bench = Bench::new(1);
    bench.set_access(managed());
    assert_eq!(
        bench.send('a', b"*11\r\n"),
        "-ERR Protocol error: unauthenticated multibulk length closed"
    );
    let got = bench.send('b', "PING\r\n".repeat(1000).as_bytes());
    assert!(got.len() < 2_000, "a stranger must read before more is answered: {}", got.len());
}

#[test]
fn connections_see_and_kill_each_other() {
    check(
        "
        a> client setname one => +OK
        a> client setinfo LIB-NAME redis-py => +OK
        a> client setinfo LIB-NAME \"bad name\" => -ERR lib-name cannot contain spaces, newlines or special characters.
        a> client id => :1
        b> client id => :2
        b> client kill id 1 => :1
        a> read => closed
        b> client kill 1.2.3.4:5 => -ERR No such client
        b> client kill id 2 skipme no => :1 closed
        ",
    );
    let mut bench = Bench::new(2);
    bench.send('a', b"client setname one\r\n");
    let list = bench.send('b', b"client list\r\n");
    assert!(list.contains("name=one") && list.contains("cmd=client|setname"), "{list}");
    assert!(list.contains("id=2") && list.contains("cmd=client|list"), "{list}");
}

#[test]
fn replies_can_be_switched_off() {
    check(
        "
        client reply off =>
        set k v =>
        client reply on => +OK
        client reply off =>
        subscribe news => *3 $9 subscribe $4 news :1
        unsubscribe news => *3 $11 unsubscribe $4 news :0
        client reply on => +OK
        client reply skip =>
        set k w =>
        get k => $1 w
        ",
    );
}

#[test]
fn a_command_whose_shard_is_held_is_deferred_and_others_go_on() {
    let mut bench = Bench::new(2);
    let shared = Arc::clone(&bench.shared);
    let id = shard_of(shared.executor.seed().hash(b"k"));
    let other = (0..)
        .map(|i| format!("x{i}"))
        .find(|key| shard_of(shared.executor.seed().hash(key.as_bytes())) != id);
    let other = other.expect("some key lives elsewhere");
    let held = shared.executor.lock(&[id]).expect("free");
    assert_eq!(bench.send('a', b"SET k 1\r\nINCR k\r\nPING\r\n"), "");
    assert_eq!(bench.send('b', format!("SET {other} 1\r\n").as_bytes()), "+OK");
    assert_eq!(bench.send('c', b"MULTI\r\nGET k\r\nEXEC\r\n"), "+OK +QUEUED");
    drop(held);
    assert_eq!(bench.read('a'), "+OK :2 +PONG");
    assert_eq!(bench.read('c'), "*1 $1 2");
}

#[test]
fn dead_keys_go_without_being_asked_for() {
    let mut bench = Bench::new(4);
    let reader = bench.record();
    bench.check(
        "
        set k v PX 10 => +OK
        set l v => +OK
        dbsize => :2
        ",
    );
    bench.pass_ms(20);
    bench.tick();
    bench.check("dbsize => :1");
    let log = bench.recorded(&reader);
    assert!(log.ends_with("*2 $3 DEL $1 k"), "{log}");
}

#[test]
fn dead_fields_go_without_being_asked_for() {
    let mut bench = Bench::new(4);
    let reader = bench.record();
    bench.check(
        "
        hsetex h PX 10 FIELDS 2 a 1 b 2 => :1
        hset h c 3 => :1
        hsetex gone PX 10 FIELDS 1 a 1 => :1
        ",
    );
    bench.pass_ms(20);
    bench.tick();
    let log = bench.recorded(&reader);
    assert!(log.contains("*4 $4 HDEL $1 h $1 a $1 b"), "{log}");
    assert!(log.contains("*3 $4 HDEL $4 gone $1 a"), "{log}");
    bench.check("dbsize => :1");
    bench.check("hgetall h => *2 $1 c $1 3");
}

#[test]
fn effects_reach_the_journal_in_one_block() {
    let mut bench = Bench::new(1);
    let reader = bench.record();
    bench.check(
        "
        set k v EX 10 => +OK
        get k => $1 v
        select 1 => +OK
        multi => +OK
        incr c => +QUEUED
        get c => +QUEUED
        incr c => +QUEUED
        exec => *3 :1 $1 1 :2
        ",
    );
    assert_eq!(
        bench.recorded(&reader),
        "*2 $6 SELECT $1 0 *5 $3 SET $1 k $1 v $4 PXAT $7 1010000 *2 $6 SELECT $1 1 *1 $5 MULTI \
         *2 $4 incr $1 c *2 $4 incr $1 c *1 $4 EXEC"
    );
}

#[test]
fn a_stop_saves_and_a_start_loads() {
    let mut bench = Bench::new(2);
    bench.check(
        "
        set k v => +OK
        select 3 => +OK
        set t v PX 5000 => +OK
        save => +OK
        set late 1 => +OK
        shutdown => closed
        ",
    );
    assert!(bench.is_stopped());
    let mut again = Bench::on(4, bench.host.clone());
    again.check(
        "
        get k => $1 v
        select 3 => +OK
        pttl t => :5000
        get late => $1 1
        ",
    );
}

#[test]
fn databases_are_swapped_and_flushed() {
    check(
        "
        set k 0 => +OK
        select 1 => +OK
        set k 1 => +OK
        swapdb 0 1 => +OK
        get k => $1 0
        flushdb => +OK
        get k => $-1
        select 0 => +OK
        get k => $1 1
        swapdb 0 99 => -ERR DB index is out of range
        swapdb x 1 => -ERR invalid first DB index
        flushall async => +OK
        dbsize => :0
        ",
    );
}

#[test]
fn a_file_with_a_key_twice_is_refused_by_name() {
    let host = crate::testing::TestHost::default();
    let file = b"REDIS0010\xfe\x00\x00\x01k\x01v\x00\x01k\x01w\xff\0\0\0\0\0\0\0\0";
    let disk = crate::host::Host::disk(&host);
    let mut writer = disk.create("dump.rdb").expect("memory has room");
    std::io::Write::write_all(&mut writer, file).expect("memory has room");
    let error = Bench::try_on(1, host).err().expect("the file is damaged").to_string();
    assert!(error.contains("key \"k\" comes twice"), "{error}");
}

/// The counting allocator is the binary's; here nothing is counted, so any limit is kept.
#[test]
fn access_counts_follow_the_policy() {
    check(
        "
        set k v => +OK
        object freq k => -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        object idletime k => :0
        config set maxmemory-policy allkeys-lfu => +OK
        set l v => +OK
        object freq l => :5
        object idletime l => -ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        ",
    );
}

#[test]
fn an_empty_request_before_an_exclusive_one_is_skipped() {
    for empty in ["\r\n", "*0\r\n", "*-1\r\n", "\r\n*0\r\n  \n"] {
        let mut bench = Bench::new(1);
        let requests = format!("SET k v\r\n{empty}FLUSHALL\r\n{empty}PING\r\n{empty}");
        assert_eq!(bench.send('a', requests.as_bytes()), "+OK +OK +PONG", "{empty:?}");
    }
}

#[test]
fn a_message_never_follows_the_end_of_its_subscription() {
    let mut bench = Bench::new(2);
    bench.check("a> subscribe c => *3 $9 subscribe $1 c :1");
    // The message waits in the other loop's inbox while the subscriber goes.
    bench.send_unread('b', b"PUBLISH c one\r\n");
    bench.send_unread('a', b"UNSUBSCRIBE c\r\nPING\r\n");
    assert_eq!(bench.read('a'), "*3 $11 unsubscribe $1 c :0 +PONG");
    assert_eq!(bench.read('b'), ":1");
}

#[test]
fn a_subscriber_who_does_not_read_is_cut_off() {
    let mut bench = Bench::new(1);
    bench.check("a> subscribe c => *3 $9 subscribe $1 c :1");
    let payload = "x".repeat(1 << 20);
    for _ in 0..34 {
        bench.send_unread('b', format!("PUBLISH c {}\r\n", "y").as_bytes());
        let request = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${}\r\n{payload}\r\n", 1 << 20);
        bench.send_unread('b', request.as_bytes());
    }
    assert_eq!(bench.read('a'), "closed");
}

#[test]
fn a_transaction_with_a_long_command_and_a_script_runs_alone() {
    check(
        "
        multi => +OK
        sunionstore to a b => +QUEUED
        eval 'return 1' 0 => +QUEUED
        exec => *2 :0 :1
        ",
    );
}

#[test]
fn a_watched_key_that_dies_aborts_exec() {
    for other in ["ping => +PONG", "watch k => +OK"] {
        let mut bench = Bench::new(4);
        bench.check(
            "
            set k v px 10 => +OK
            watch k => +OK
            multi => +OK
            set other 1 => +QUEUED
            ",
        );
        bench.pass_ms(10);
        bench.check(&format!("b> {other}\nexec => *-1\nget other => $-1"));
        bench.check("watch k => +OK\nmulti => +OK\nexec => *0");
    }
}

#[test]
fn a_dead_key_keeps_no_time_of_death() {
    let mut bench = Bench::new(1);
    bench.check("set k v px 10 => +OK");
    bench.pass_ms(10);
    bench.check("set k w keepttl => +OK\nget k => $1 w\npttl k => :-1");
}

#[test]
fn a_node_that_has_not_read_its_data_saves_nothing() {
    let bench = Bench::new(1);
    let mut exclusive = bench.shared.executor.exclusive();
    exclusive.change_gate(|gate| gate.loading = true);
    crate::snapshot::stop(&bench.shared, &mut exclusive, true).expect("nothing to do");
    assert!(bench.is_stopped());
    assert!(crate::host::Host::disk(&bench.host).open("dump.rdb").is_err());
}

#[test]
fn a_connection_that_ends_waits_for_its_reader_only_so_long() {
    let mut bench = Bench::new(1);
    bench.send_unread('a', b"QUIT\r\n");
    bench.pass_ms(10_001);
    bench.tick();
    assert_eq!(bench.read('a'), "closed");
}

#[test]
fn samples_are_bounded() {
    let mut bench = Bench::new(1);
    bench.check("sadd s a => :1\nhset h a 1 => :1\nzadd z 1 a => :1");
    for command in ["srandmember s", "hrandfield h", "zrandmember z"] {
        for count in [-16_777_217, -i64::MAX] {
            let got = bench.send('a', format!("{command} {count}\r\n").as_bytes());
            assert_eq!(got, "-ERR value is out of range", "{command} {count}");
        }
        assert!(bench.send('a', format!("{command} {}\r\n", i64::MAX).as_bytes()).contains("a"));
    }
}

#[test]
fn requests_cut_at_the_end_of_the_buffer_do_not_double_it() {
    let mut bench = Bench::new(1);
    bench.room('a', 64 * 1024);
    let roomy = bench.input_capacity('a');
    let request = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400\r\n{}\r\n", "x".repeat(400));
    let stream = request.repeat(20 * roomy / request.len());
    let mut answers = 0;
    let mut rest = stream.as_bytes();
    while !rest.is_empty() {
        // As a shell fills it: to the last byte.
        let (piece, later) = rest.split_at(rest.len().min(bench.input_room('a')));
        answers += bench.send('a', piece).matches("+OK").count();
        bench.room('a', 4 * 1024);
        assert!(bench.input_capacity('a') <= roomy, "{}", bench.input_capacity('a'));
        rest = later;
    }
    assert_eq!(answers, stream.len() / request.len());
}

#[test]
fn counts_of_keys_read_one_by_one_grow_alike() {
    let mut bench = Bench::new(1);
    bench.send('a', b"CONFIG SET maxmemory-policy allkeys-lfu\r\n");
    let count = |bench: &mut Bench, key: usize| {
        bench.send('a', format!("SET {key} v\r\n").as_bytes());
        for _ in 0..100 {
            bench.send('a', format!("GET {key}\r\n").as_bytes());
        }
        let answer = bench.send('a', format!("OBJECT FREQ {key}\r\n").as_bytes());
        answer.trim_start_matches(':').parse::<u64>().expect("a count")
    };
    for key in 0..100 {
        let count = count(&mut bench, key);
        assert!((6..=20).contains(&count), "key {key}: {count}");
    }
}

#[test]
fn a_piece_of_a_request_holds_no_large_buffer() {
    let mut bench = Bench::new(1);
    for name in ['a', 'b'] {
        bench.room(name, 64 * 1024);
        assert_eq!(bench.send(name, b"*1\r\n$4\r\nPI"), "");
        assert!(bench.input_capacity(name) < 100);
    }
    bench.room('a', 64 * 1024);
    assert_eq!(bench.send('a', b"NG\r\n"), "+PONG");
    assert_eq!((bench.send('b', b"NG\r\n").as_str(), bench.input_capacity('a')), ("+PONG", 0));
}
