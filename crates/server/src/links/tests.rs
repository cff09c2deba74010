//! Replicas that attach themselves, with one loop and with several.

use crate::testing::Bench;

/// Sends a request for a copy and waits for all of it.
fn copy(bench: &mut Bench, name: char, request: &str) -> String {
    let first = bench.send(name, format!("{request}\r\n").as_bytes());
    bench.keep().expect("there is room");
    format!("{first} {}", bench.read(name)).trim().to_owned()
}

/// What follows the data set in what a link has to read.
fn stream(text: &str) -> &str {
    let data = text.split_once("REDIS0010").map_or("", |(_, data)| data);
    data.find('*').map_or("", |at| &data[at..])
}

#[test]
fn a_link_gets_the_data_set_and_then_every_effect() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.check("set before 1 => +OK");
        let text = copy(&mut bench, 'b', "SYNC");
        assert!(text.starts_with('$') && text.contains("before"), "{text}");
        assert_eq!(stream(&text), "");
        bench.check(
            "
            set k v => +OK
            get k => $1 v
            b> read => *2 $6 SELECT $1 0 *3 $3 set $1 k $1 v
            select 12 => +OK
            multi => +OK
            rpush l x => +QUEUED
            del l => +QUEUED
            exec => *2 :1 :1
            ",
        );
        let block = "*1 $5 MULTI *3 $5 rpush $1 l $1 x *2 $3 del $1 l *1 $4 EXEC";
        assert_eq!(bench.read('b'), format!("*2 $6 SELECT $2 12 {block}"));
        let text = copy(&mut bench, 'c', "PSYNC ? -1");
        let id = bench.shared.journal.identity().id;
        let offset = bench.shared.journal.offset();
        assert!(text.starts_with(&format!("+FULLRESYNC {id} {offset} $")), "{text}");
        bench.check(
            "
            incr n => :1
            b> read => *2 $6 SELECT $2 12 *2 $4 incr $1 n
            c> read => *2 $6 SELECT $2 12 *2 $4 incr $1 n
            role => *3 $6 master :197 *2 *3 $9 127.0.0.1 $1 0 $1 0 *3 $9 127.0.0.1 $1 0 $1 0
            c> replconf ack 17 =>
            role => *3 $6 master :197 *2 *3 $9 127.0.0.1 $1 0 $1 0 *3 $9 127.0.0.1 $1 0 $2 17
            c> ping => closed
            role => *3 $6 master :197 *1 *3 $9 127.0.0.1 $1 0 $1 0
            ",
        );
    }
}

#[test]
fn a_link_goes_on_where_it_was_while_the_journal_holds_it() {
    let mut bench = Bench::new(1);
    assert!(bench.send('b', b"REPLCONF capa psync2\r\n").starts_with("+OK"));
    let id = bench.shared.journal.identity().id;
    let text = copy(&mut bench, 'b', &format!("PSYNC {id} 1"));
    assert!(text.starts_with("+FULLRESYNC"), "nothing was recorded before: {text}");
    bench.check("set k v => +OK");
    let id = bench.shared.journal.identity().id;
    let want = format!("+CONTINUE {id} *2 $6 SELECT $1 0 *3 $3 set $1 k $1 v");
    bench.send('c', b"REPLCONF capa eof capa psync2 listening-port 17\r\n");
    assert_eq!(bench.send('c', format!("PSYNC {id} 1\r\n").as_bytes()), want);
    let text = bench.send('d', format!("PSYNC {id} 24\r\n").as_bytes());
    assert_eq!(text, "+CONTINUE *3 $3 set $1 k $1 v");
    let beyond = bench.shared.journal.offset() + 2;
    let text = copy(&mut bench, 'e', &format!("PSYNC {id} {beyond}"));
    assert!(text.starts_with("+FULLRESYNC"), "{text}");
    assert!(bench.send('f', b"PING\r\nSYNC\r\n").contains("pending output"));
}

#[test]
fn what_is_written_while_the_data_set_is_copied_comes_behind_it() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.check("set k before => +OK\nset gone x => +OK");
        let first = bench.send('b', b"PSYNC ? -1\r\n");
        let offset = bench.shared.journal.offset();
        assert!(first.starts_with("+FULLRESYNC") && first.ends_with(&format!(" {offset}")));
        // The second one waits for the end of the first one's cut.
        assert_eq!(bench.send('c', b"PSYNC ? -1\r\n"), "");
        bench.check("set k behind => +OK\ndel gone => :1");
        bench.keep().expect("there is room");
        let text = bench.read('b');
        assert!(text.starts_with('$') && text.contains("before"), "{text}");
        let behind = "*3 $3 set $1 k $6 behind *2 $3 del $4 gone";
        assert_eq!(stream(&text), format!("*2 $6 SELECT $1 0 {behind}"));
        let text = bench.read('c');
        assert!(text.starts_with("+FULLRESYNC") && text.contains("behind"), "{text}");
        assert_eq!(stream(&text), "");
        bench.check("incr n => :1");
        for name in ['b', 'c'] {
            assert_eq!(bench.read(name), "*2 $6 SELECT $1 0 *2 $4 incr $1 n");
        }
    }
}

#[test]
fn a_replica_that_goes_away_leaves_nothing_behind() {
    let mut bench = Bench::new(1);
    bench.check("set k v => +OK");
    for _ in 0..3 {
        bench.send('b', b"SYNC\r\n");
        assert_eq!(bench.send('b', b"PING\r\n"), "closed");
        bench.forget('b');
        bench.keep().expect("there is room");
    }
    assert!(bench.shared.links.is_empty());
    bench.check("set k v => +OK");
    let text = copy(&mut bench, 'b', "SYNC");
    assert!(text.starts_with('$'), "{text}");
}

#[test]
fn wait_ends_when_enough_replicas_have_applied_the_write() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        bench.check("wait 1 x => -ERR timeout is not an integer or out of range");
        bench.check("wait 1 -1 => -ERR timeout is negative\nwait 0 0 => :0");
        copy(&mut bench, 'b', "PSYNC ? -1");
        copy(&mut bench, 'c', "PSYNC ? -1");
        bench.check("set k v => +OK\nwait 2 0 =>");
        let offset = bench.shared.journal.offset() - 37;
        let asks = "*3 $8 REPLCONF $6 GETACK $1 *";
        assert!(bench.read('b').ends_with(asks));
        let ack = |offset: u64| format!("REPLCONF ACK {offset}\r\n").into_bytes();
        bench.send_unread('b', &ack(offset - 1));
        bench.send_unread('c', &ack(offset));
        bench.check("a> read =>");
        bench.send_unread('b', &ack(offset));
        bench.check(
            "a> read => :2\nwait 2 0 => :2\nset k w => +OK\nwait 1 100 =>\nd> wait 2 5 => :2",
        );
        bench.pass_ms(100);
        bench.check("a> read => :0\nmulti => +OK\nwait 1 0 => +QUEUED\nexec => *1 :0\nwait 1 0 =>");
        bench.check("d> client unblock 1 => :1\na> read => :0");
    }
}
