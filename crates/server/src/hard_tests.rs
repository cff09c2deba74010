//! Hard cases of the executor, each with one loop and with four: jobs, pauses, scripts that do not
//! end, shards that stay in use.

use crate::executor::Kind;
use crate::testing::Bench;
use engine::keyspace::shard_of;
use std::sync::Arc;
use std::thread;

fn offset(bench: &Bench) -> u64 {
    bench.shared.journal.offset()
}

#[test]
fn pause_write_no_effect_after_its_ok_no_expiry() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        let _log = bench.record();
        bench.check(
            "
            a> set mortal v px 10 => +OK
            a> set watched v px 10 => +OK
            f> watch watched => +OK
            f> multi => +OK
            f> ping => +QUEUED
            g> multi => +OK
            g> set queued 1 => +QUEUED
            b> client pause 1000 write => +OK
            ",
        );
        let before = offset(&bench);
        bench.check(
            "
            a> get mortal => $1 v
            b> set k 1 =>
            c> multi => +OK
            c> incr k =>
            d> publish news hi =>
            e> eval \"return redis.call('incr','e')\" 0 =>
            g> exec =>
            h> flushall =>
            i> blpop list 0 =>
            ",
        );
        bench.pass_ms(500);
        bench.tick();
        bench.check("a> get mortal => $-1\na> dbsize => :2\na> randomkey => $-1");
        bench.check("f> exec => *-1");
        for name in ['b', 'c', 'd', 'e', 'g', 'h', 'i'] {
            assert_eq!(bench.read(name), "", "{name} waits with {loops} loops");
        }
        assert_eq!(offset(&bench), before, "nothing has been done behind the OK");
        bench.check("a> client unpause => +OK");
        bench.check("b> read => +OK\nc> read => +QUEUED\nd> read => :0\ne> read => :1");
        bench.check("g> read => *1 +OK\nh> read => +OK\nc> exec => *1 :1");
        bench.tick();
        assert!(offset(&bench) > before);
    }
}

#[test]
fn demotion_against_deferred_writes_no_append_after_its_offset() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        let _log = bench.record();
        let shared = Arc::clone(&bench.shared);
        let held = shared.executor.lock(&[shard_of(shared.executor.seed().hash(b"k"))]);
        let held = held.expect("nobody holds it");
        for name in ['a', 'b', 'c', 'd'] {
            assert_eq!(bench.send(name, b"SET k v\r\nINCR other\r\n"), "");
        }
        bench.check("e> multi => +OK\ne> set k 1 => +QUEUED");
        assert_eq!(bench.send('e', b"EXEC\r\n"), "");
        // What a grant does.
        shared.executor.exclusive().change_gate(|gate| gate.primary = false);
        let before = offset(&bench);
        drop(held);
        for name in ['a', 'b', 'c', 'd', 'e'] {
            let got = bench.read(name);
            assert!(got.contains("READONLY") && !got.contains("OK"), "{name}: {got}");
        }
        assert_eq!(offset(&bench), before);
    }
}

#[test]
fn demotion_against_writers_on_threads_no_append_after_its_offset() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        let _log = bench.record();
        let shared = Arc::clone(&bench.shared);
        let cores = bench.take_loops();
        let before = thread::scope(|scope| {
            for mut core in cores {
                let peer = crate::loop_core::Peer {
                    address: None,
                    peer: "unix".into(),
                    local: "unix".into(),
                };
                scope.spawn(move || {
                    let place = core.connect(peer);
                    loop {
                        let writes = b"MSET a 1 b 2 c 3 d 4\r\nINCR n\r\n";
                        if let Some(input) = core.input(place) {
                            input.extend_from_slice(writes);
                        }
                        core.process(place);
                        while core.jobs_waiting() > 0 || core.rest_us().is_some() {
                            core.run_jobs();
                            core.retry_waiting();
                        }
                        let conn = core.conn_mut(place).expect("nobody closes it");
                        let refused = conn.unsent().starts_with(b"-READONLY");
                        conn.sent(conn.unsent().len());
                        if refused {
                            return;
                        }
                    }
                });
            }
            while shared.journal.offset() < 100_000 {
                thread::yield_now();
            }
            let mut exclusive = shared.executor.exclusive();
            exclusive.change_gate(|gate| gate.primary = false);
            shared.journal.offset()
        });
        assert_eq!(shared.journal.offset(), before, "with {loops} loops");
    }
}

#[test]
fn while_true_do_end_answers_busy_and_is_killed() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.check("config set busy-reply-threshold 300 => +OK");
        bench.check("b> multi => +OK\nb> set k v => +QUEUED\nf> multi => +OK");
        let request = b"EVAL \"while true do end\" 0\r\n";
        let mut job = bench.send_job('a', request);
        let shared = Arc::clone(&bench.shared);
        let (told, tells) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let runner = scope.spawn(|| {
                assert!(job.run(&shared, &mut || told.send(()).expect("the test waits")));
                job
            });
            while shared.scripts.running().is_none() {
                thread::yield_now();
            }
            bench.pass_ms(20);
            tells.recv().expect("it gives its loop away");
            bench.check("c> set k v =>");
            bench.pass_ms(299);
            let busy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or \
                        SHUTDOWN NOSAVE.";
            assert_eq!(bench.read('c'), busy);
            bench.check(&format!(
                "d> ping => {busy}
                 d> function kill => {busy}
                 d> shutdown => {busy}
                 b> exec => -EXECABORT Transaction discarded because of: {}
                 b> exec => {busy}
                 f> set k v => {busy}
                 f> discard => +OK
                 e> multi => +OK
                 e> discard => +OK
                 d> script kill => +OK",
                &busy[1..],
            ));
            runner.join().expect("it ends").send_home(&shared);
        });
        let got = bench.read('a');
        assert!(got.starts_with("-ERR Error running script") || got.contains("killed"), "{got}");
        bench.check("d> ping => +PONG\nc> get k => $-1\na> ping => +PONG");
    }
}

#[test]
fn a_shutdown_without_saving_does_not_wait_for_a_script() {
    let mut bench = Bench::new(1);
    let mut job = bench.send_job('a', b"EVAL \"while true do end\" 0\r\n");
    let shared = Arc::clone(&bench.shared);
    thread::scope(|scope| {
        scope.spawn(|| job.run(&shared, &mut || {}));
        while shared.scripts.running().is_none() {
            thread::yield_now();
        }
        bench.pass_ms(20);
        bench.pass_ms(6000);
        bench.send_unread('b', b"SHUTDOWN NOSAVE\r\n");
        while !bench.is_stopped() {
            assert_ne!(bench.read('b'), "closed");
        }
        shared.scripts.kill(false).expect("it has written nothing");
    });
}

#[test]
fn a_long_walk_holds_up_nobody() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        for number in 0..5_000 {
            bench.send('a', format!("SET key:{number} v\r\n").as_bytes());
        }
        let mut job = bench.send_job('b', b"KEYS *\r\nGET key:1\r\n");
        let shared = Arc::clone(&bench.shared);
        // Half of its way it waits for a shard; others have theirs.
        let held = shared.executor.lock(&[128]).expect("nobody holds it");
        thread::scope(|scope| {
            let runner = scope.spawn(|| {
                assert!(job.run(&shared, &mut || {}));
                job
            });
            let free = (0..5_000)
                .map(|number| format!("key:{number}"))
                .find(|key| shard_of(shared.executor.seed().hash(key.as_bytes())) == 200)
                .expect("some key is there");
            for _ in 0..100 {
                while bench.send('c', format!("GET {free}\r\n").as_bytes()) != "$1 v" {
                    while bench.read('c').is_empty() {}
                }
            }
            // An exclusive request waits for the walk, but keeps nobody from running meanwhile.
            assert_eq!(bench.send('d', b"CONFIG SET timeout 10\r\n"), "");
            assert!(!shared.executor.is_wanted());
            bench.check("e> ping => +PONG");
            drop(held);
            runner.join().expect("it ends").send_home(&shared);
        });
        let got = bench.read('b');
        assert!(got.starts_with("*5000 ") && got.ends_with(" $1 v"), "{} bytes", got.len());
        while bench.read('d') != "+OK" {}
    }
}

#[test]
fn a_request_that_meets_held_shards_for_long_runs_alone() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        let shared = Arc::clone(&bench.shared);
        // Whoever holds it takes long, and so has a slot.
        let long = shared.executor.try_long(shared.executor.draw(Kind::Long));
        let held = shared.executor.lock(&[shard_of(shared.executor.seed().hash(b"k"))]);
        for name in ['a', 'b'] {
            assert_eq!(bench.send(name, b"SET k v\r\nGET k\r\n"), "");
            for _ in 0..100 {
                assert_eq!(bench.read(name), "");
            }
            assert!(bench.is_away(name), "it waits for exclusive mode with {loops} loops");
        }
        bench.check("c> set other v => +OK");
        drop((held, long));
        bench.check("a> read => +OK $1 v\nb> read => +OK $1 v");
    }
}
