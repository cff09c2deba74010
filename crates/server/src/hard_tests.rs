//! Hard cases of the executor, each with one loop and with four: jobs, pauses, scripts that do not
//! end, shards that stay in use.

use crate::testing::Bench;

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
