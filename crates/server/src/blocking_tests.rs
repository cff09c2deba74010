//! Blocking commands end to end: who is served, in which order, by what, and what ends a wait
//! otherwise. Every case runs with one loop and with four.

use crate::testing::Bench;
use engine::keyspace::shard_of;

fn check(script: &str) {
    for loops in [1, 4] {
        Bench::new(loops).check(script);
    }
}

fn check_each(loops: usize, steps: impl Fn(&mut Bench)) {
    steps(&mut Bench::new(loops));
}

#[test]
fn a_push_serves_who_waits() {
    check(
        "b> BLPOP k1 k2 0 =>
         a> RPUSH k2 x y => :2
         b> read => *2 $2 k2 $1 x
         a> LRANGE k2 0 -1 => *1 $1 y
         b> BRPOP k2 0 => *2 $2 k2 $1 y
         b> BLMPOP 0 1 l RIGHT COUNT 2 =>
         a> RPUSH l 1 2 3 => :3
         b> read => *2 $1 l *2 $1 3 $1 2
         b> BZPOPMAX z 0 =>
         a> ZADD z 1 a 2 b => :2
         b> read => *3 $1 z $1 b $1 2
         b> BZMPOP 0 1 w MIN COUNT 5 =>
         a> ZADD w 7 m => :1
         b> read => *2 $1 w *1 *2 $1 m $1 7
         a> EXISTS w => :0",
    );
}

#[test]
fn who_wants_many_waits_until_there_are_enough() {
    check(
        "b> BLMOVEM k to LEFT RIGHT 0 EXACTLY 3 BULK =>
         c> BLMOVEM k other LEFT RIGHT 0 EXACTLY 9 BULK =>
         a> RPUSH k 1 => :1
         a> LINSERT k AFTER 1 2 => :2
         b> read =>
         a> EXISTS to => :0
         a> RPUSH k 3 4 => :4
         b> read => *3 $1 1 $1 2 $1 3
         a> LRANGE to 0 -1 => *3 $1 1 $1 2 $1 3
         c> read =>
         a> LRANGE k 0 -1 => *1 $1 4
         d> BLMOVEM k to RIGHT LEFT 0 COUNT 5 OBO => *1 $1 4
         d> BLMOVEM k to RIGHT LEFT 0 COUNT 5 OBO =>
         a> RPUSH k 5 6 => :2
         d> read => *2 $1 5 $1 6
         a> LRANGE to 0 -1 => *6 $1 5 $1 6 $1 4 $1 1 $1 2 $1 3",
    );
}

#[test]
fn whoever_waits_longest_is_served_first() {
    check(
        "b> BLPOP k 0 =>
         c> BRPOP k 0 =>
         d> BLPOP other k 0 =>
         a> RPUSH k 1 2 3 4 => :4
         b> read => *2 $1 k $1 1
         c> read => *2 $1 k $1 4
         d> read => *2 $1 k $1 2
         a> LRANGE k 0 -1 => *1 $1 3
         d> PING => +PONG",
    );
}

#[test]
fn only_what_they_want_wakes_them() {
    check(
        "b> BLPOP k 0 =>
         c> BZPOPMIN k 0 =>
         a> SET k v => +OK
         a> DEL k => :1
         a> ZADD k 1 m => :1
         b> read =>
         c> read => *3 $1 k $1 m $1 1
         a> SADD k m => :1
         a> DEL k => :1
         a> LPUSH k x => :1
         b> read => *2 $1 k $1 x",
    );
}

#[test]
fn what_a_transaction_leaves_is_given_away_after_it() {
    check(
        "b> BLPOP k 0 =>
         a> MULTI => +OK
         a> RPUSH k a => +QUEUED
         a> DEL k => +QUEUED
         a> EXEC => *2 :1 :1
         b> read =>
         a> MULTI => +OK
         a> RPUSH k a => +QUEUED
         a> SET k v => +QUEUED
         a> DEL k => +QUEUED
         a> RPUSH k b c => +QUEUED
         a> LLEN k => +QUEUED
         a> EXEC => *5 :1 +OK :1 :2 :2
         b> read => *2 $1 k $1 b",
    );
}

#[test]
fn inside_transactions_nobody_waits() {
    check(
        "MULTI => +OK
         BLPOP k 0 => +QUEUED
         BLMOVE a b LEFT LEFT 0 => +QUEUED
         BRPOPLPUSH a b 0 => +QUEUED
         BLMPOP 0 1 k LEFT => +QUEUED
         BZPOPMIN k 0 => +QUEUED
         BZMPOP 0 1 k MIN => +QUEUED
         EXEC => *6 *-1 $-1 $-1 *-1 *-1 *-1",
    );
}

#[test]
fn whatever_makes_a_key_wakes() {
    for (make, reply) in [
        ("RENAME from k", "+OK"),
        ("RENAMENX from k", ":1"),
        ("COPY from k", ":1"),
        ("LMOVE from k LEFT LEFT", "$1 x"),
    ] {
        check(&format!(
            "a> RPUSH from x => :1
             b> BLPOP k 0 =>
             a> {make} => {reply}
             b> read => *2 $1 k $1 x"
        ));
    }
    check(
        "b> SELECT 3 => +OK
         b> BLPOP k 0 =>
         a> RPUSH k x => :1
         b> read =>
         a> MOVE k 3 => :1
         b> read => *2 $1 k $1 x
         b> BLPOP k 0 =>
         a> RPUSH k y => :1
         a> COPY k k DB 3 => :1
         b> read => *2 $1 k $1 y
         b> BLPOP k 0 =>
         a> SWAPDB 0 3 => +OK
         b> read => *2 $1 k $1 y
         a> ZADD s 1 m => :1
         b> BZPOPMIN z 0 =>
         a> SELECT 3 => +OK
         a> ZADD s 1 m => :1
         a> ZUNIONSTORE z 1 s => :1
         b> read => *3 $1 z $1 m $1 1",
    );
}

#[test]
fn chains_of_moves_are_followed_to_their_end() {
    check(
        "b> BLMOVE k1 k2 LEFT RIGHT 0 =>
         c> BRPOPLPUSH k2 k3 0 =>
         d> BLPOP k3 0 =>
         a> RPUSH k1 x => :1
         b> read => $1 x
         c> read => $1 x
         d> read => *2 $2 k3 $1 x
         a> EXISTS k1 k2 k3 => :0
         b> BLMOVE k1 k2 LEFT LEFT 0 =>
         c> BLMOVE k2 k1 LEFT LEFT 0 =>
         a> MULTI => +OK
         a> RPUSH k1 x => +QUEUED
         a> PING => +QUEUED
         a> EXEC => *2 :1 +PONG
         b> read => $1 x
         c> read => $1 x
         a> LRANGE k1 0 -1 => *1 $1 x
         a> DEL k1 => :1
         b> BRPOPLPUSH k1 k1 0 =>
         a> RPUSH k1 y => :1
         b> read => $1 y
         a> LRANGE k1 0 -1 => *1 $1 y",
    );
}

#[test]
fn a_chain_that_leaves_the_shard_where_it_began_is_followed() {
    for loops in [1, 4] {
        check_each(loops, |bench| {
            let seed = bench.shared.executor.seed();
            let shard = |key: &String| shard_of(seed.hash(key.as_bytes()));
            let numbered = || (0..).map(|i: u32| format!("k{i}"));
            let first = shard(&"k".to_owned());
            let near = numbered().find(|key| shard(key) == first).expect("one of many");
            let far = numbered().find(|key| shard(key) != first).expect("one of many");
            bench.check(&format!(
                "b> BLMOVE k {near} LEFT LEFT 0 =>
                 c> BLMOVE {near} {far} LEFT LEFT 0 =>
                 a> RPUSH k x => :1
                 b> read => $1 x
                 c> read => $1 x
                 a> EXISTS k {near} => :0
                 a> LRANGE {far} 0 -1 => *1 $1 x"
            ));
        });
    }
}

#[test]
fn a_destination_of_the_wrong_type_loses_nothing() {
    check(
        "a> SET bad v => +OK
         b> BLMOVE k bad LEFT LEFT 0 =>
         c> BRPOPLPUSH k good 0 =>
         a> RPUSH k x y z => :3
         b> read => -WRONGTYPE Operation against a key holding the wrong kind of value
         c> read => $1 z
         a> LRANGE k 0 -1 => *2 $1 x $1 y
         a> LRANGE good 0 -1 => *1 $1 z",
    );
}

#[test]
fn waits_end_on_time() {
    for loops in [1, 4] {
        check_each(loops, |bench| {
            bench.check("b> BLPOP k 0.5 => ");
            bench.check("c> BLMOVE k l LEFT LEFT 1 => ");
            bench.pass_ms(499);
            bench.check("b> read => ");
            bench.pass_ms(1);
            bench.check("b> read => *-1");
            bench.check("a> RPUSH k x => :1");
            bench.check("b> PING => +PONG");
            bench.check("c> read => $1 x");
            bench.pass_ms(5000);
            bench.check("c> read => ");
            assert!(bench.send('b', b"HELLO 3\r\n").starts_with("%7 "));
            bench.check("b> BZPOPMIN z 0.01 => ");
            bench.pass_ms(10);
            bench.check("b> read => _");
        });
    }
}

#[test]
fn others_can_end_a_wait() {
    check(
        "a> CLIENT ID => :1
         b> CLIENT ID => :2
         a> CLIENT UNBLOCK 2 => :0
         b> BLPOP k 0 =>
         a> CLIENT UNBLOCK 2 => :1
         a> CLIENT UNBLOCK 2 => :0
         b> read => *-1
         b> BLPOP k 0 =>
         a> CLIENT UNBLOCK 2 ERROR => :1
         b> read => -UNBLOCKED client unblocked via CLIENT UNBLOCK
         a> CLIENT UNBLOCK 99 => :0
         a> CLIENT UNBLOCK x => -ERR value is not an integer or out of range
         a> CLIENT UNBLOCK 2 WHY => -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
         b> BLPOP k 0 =>
         c> BLPOP k 0 =>
         a> CLIENT KILL ID 2 => :1
         a> RPUSH k x => :1
         b> read => closed
         c> read => *2 $1 k $1 x",
    );
}

#[test]
fn waits_are_counted_and_shown() {
    for loops in [1, 4] {
        check_each(loops, |bench| {
            bench.check("b> BLPOP k 0 =>");
            bench.check("c> BLPOP k 0 =>");
            assert_eq!(bench.shared.blocked.len(), 2);
            let list = bench.send('a', b"CLIENT LIST\r\n");
            assert_eq!(list.matches(" flags=b ").count(), 2, "{list}");
            bench.check("a> RPUSH k x => :1");
            bench.check("a> CLIENT KILL ID 2 => :1");
            assert_eq!(bench.shared.blocked.len(), 0);
        });
    }
}

#[test]
fn what_is_sent_behind_a_blocked_command_waits() {
    for loops in [1, 4] {
        check_each(loops, |bench| {
            bench.send_unread('b', b"PING\r\nBLPOP k 0\r\nPING\r\nINCR n\r\n");
            bench.check("b> read => +PONG");
            bench.check("a> EXISTS n => :0");
            bench.send_unread('b', b"INCR n\r\n");
            bench.check("a> RPUSH k x => :1");
            bench.check("b> read => *2 $1 k $1 x +PONG :1 :2");
        });
    }
}

#[test]
fn replies_that_are_off_stay_off() {
    check(
        "b> CLIENT REPLY OFF =>
         b> BLPOP k 0 =>
         a> RPUSH k x => :1
         b> CLIENT REPLY ON => +OK
         b> CLIENT REPLY SKIP =>
         b> BLPOP k 0 =>
         a> RPUSH k x => :1
         b> PING => +PONG
         a> EXISTS k => :0",
    );
}

#[test]
fn effects_are_those_of_the_forms_that_do_not_wait() {
    for loops in [1, 4] {
        check_each(loops, |bench| {
            let consumer = bench.record();
            bench.check("b> BLMOVE k1 k2 LEFT RIGHT 0 =>");
            bench.check("c> BLPOP k2 0 =>");
            bench.check("d> BRPOPLPUSH k3 k3 0 =>");
            bench.check("a> RPUSH k1 x y => :2");
            bench.check("a> RPUSH k3 z => :1");
            assert_eq!(
                bench.recorded(&consumer),
                "*2 $6 SELECT $1 0 *4 $5 RPUSH $2 k1 $1 x $1 y \
                 *5 $5 LMOVE $2 k1 $2 k2 $4 left $5 right *2 $4 LPOP $2 k2 \
                 *3 $5 RPUSH $2 k3 $1 z *3 $9 RPOPLPUSH $2 k3 $2 k3"
            );
        });
    }
}

#[test]
fn readers_of_streams_wait_for_entries_behind_theirs() {
    check(
        "a> XADD s 1-1 f v => $3 1-1
         b> XREAD BLOCK 0 STREAMS other s $ $ =>
         c> XREAD BLOCK 0 COUNT 1 STREAMS s 5-0 =>
         d> XREAD BLOCK 0 STREAMS s 0 => *1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v
         a> XADD s 2-1 f w => $3 2-1
         b> read => *1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 w
         a> XADD s 5-1 f x => $3 5-1
         c> read => *1 *2 $1 s *1 *2 $3 5-1 *2 $1 f $1 x
         b> XREAD BLOCK 0 STREAMS s $ =>
         a> DEL s => :1
         a> SET s v => +OK
         a> DEL s => :1
         a> XADD s 3-1 f y => $3 3-1
         a> XADD s 6-1 f y => $3 6-1
         b> read => *1 *2 $1 s *1 *2 $3 6-1 *2 $1 f $1 y",
    );
}

#[test]
fn who_claims_looks_again_when_something_is_due() {
    let group = "a> XADD s 1-1 f v => $3 1-1
                 a> XGROUP CREATE s g 0 => +OK
                 a> XREADGROUP GROUP g ann STREAMS s > => *1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v";
    for loops in [1, 4] {
        check_each(loops, |bench| {
            bench.check(group);
            bench.check("b> XREADGROUP GROUP g bob BLOCK 500 CLAIM 200 STREAMS s > =>");
            bench.check("c> XREADGROUP GROUP g cay BLOCK 0 CLAIM 300 STREAMS s > =>");
            bench.pass_ms(199);
            bench.check("b> read =>");
            bench.pass_ms(1);
            bench.check("b> read => *1 *2 $1 s *1 *4 $3 1-1 *2 $1 f $1 v :200 :1");
            bench.pass_ms(100);
            bench.check("c> read =>");
            bench.check("b> XREADGROUP GROUP g bob BLOCK 150 CLAIM 9000 STREAMS s > =>");
            bench.pass_ms(149);
            bench.check("b> read =>");
            bench.pass_ms(1);
            bench.check("b> read => *-1");
            bench.pass_ms(50);
            bench.check("c> read => *1 *2 $1 s *1 *4 $3 1-1 *2 $1 f $1 v :300 :2");
            bench.check("b> XREADGROUP GROUP g bob BLOCK 0 CLAIM 9000 STREAMS s > =>");
            bench.check("b> PING =>");
            bench.check("a> XNACK s g SILENT IDS 1 1-1 => :1");
            bench.check("b> read => *1 *2 $1 s *1 *4 $3 1-1 *2 $1 f $1 v :-1 :2 +PONG");
        });
        check_each(loops, |bench| {
            bench.check("a> XGROUP CREATE s g $ MKSTREAM => +OK");
            bench.check("b> XREADGROUP GROUP g bob BLOCK 0 CLAIM 100 STREAMS s > =>");
            bench.check("c> XREADGROUP GROUP g cay BLOCK 1000 CLAIM 100 STREAMS s > =>");
            bench.pass_ms(40);
            bench.check("a> XADD s 1-1 f v => $3 1-1");
            bench.check("b> read => *1 *2 $1 s *1 *4 $3 1-1 *2 $1 f $1 v :0 :0");
            bench.pass_ms(99);
            bench.check("c> read =>");
            bench.pass_ms(1);
            bench.check("c> read => *1 *2 $1 s *1 *4 $3 1-1 *2 $1 f $1 v :100 :1");
        });
    }
}

#[test]
fn readers_of_groups_share_and_hear_of_the_end() {
    check(
        "a> XGROUP CREATE s g $ MKSTREAM => +OK
         b> XREADGROUP GROUP g ann BLOCK 0 STREAMS s > =>
         c> XREADGROUP GROUP g bob BLOCK 0 STREAMS s > =>
         a> XADD s 1-1 f v => $3 1-1
         b> read => *1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v
         c> read =>
         a> XADD s 2-1 f w => $3 2-1
         c> read => *1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 w
         b> XREADGROUP GROUP g ann BLOCK 0 STREAMS s > =>
         a> XGROUP DESTROY s g => :1
         b> read => -NOGROUP the consumer group this client was blocked on no longer exists
         a> XGROUP CREATE s g $ => +OK
         b> XREADGROUP GROUP g ann BLOCK 0 STREAMS s > =>
         a> DEL s => :1
         b> read => -UNBLOCKED the stream key no longer exists",
    );
    for end in ["SET s v", "RENAME other s", "FLUSHALL", "FLUSHDB", "SWAPDB 0 3"] {
        check(&format!(
            "a> XGROUP CREATE s g $ MKSTREAM => +OK
             a> SET other v => +OK
             b> XREADGROUP GROUP g ann BLOCK 0 STREAMS s > =>
             a> {end} => +OK
             b> read => -UNBLOCKED the stream key no longer exists"
        ));
    }
    check(
        "a> XGROUP CREATE s g $ MKSTREAM => +OK
         a> XADD other 1-1 f v => $3 1-1
         b> XREADGROUP GROUP g ann BLOCK 0 STREAMS s > =>
         a> RENAME other s => +OK
         b> read => -NOGROUP the consumer group this client was blocked on no longer exists
         MULTI => +OK
         XREAD BLOCK 0 STREAMS none 0 => +QUEUED
         EXEC => *1 *-1",
    );
}
