//! Files of ours in Redis, and files of Redis in ours: both must hold the same afterwards. Needs
//! `redis-server` 7.0.

mod support;

use persist::rdb::{LoadReport, SaveInfo, Writer, load};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use stdx::RealDisk;
use support::{Contents, Whole, samples, save, score, show, string};

/// Far enough in the future that no key dies during a test: the year 2100.
const LATER_MS: u64 = 4_102_444_800_000;
const INFO: SaveInfo<'_> = SaveInfo {
    now_ms: 1_700_000_000_000,
    used_bytes: 0,
    aof_base: false,
    sizes: &[(0, 0); 16],
    functions: &[],
    extra: &[],
};

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("persist-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self(path)
    }

    fn disk(&self) -> RealDisk {
        RealDisk::new(&self.0)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A running Redis with a connection to it.
struct Redis {
    child: Child,
    stream: BufReader<TcpStream>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
enum Reply {
    Text(Vec<u8>),
    Integer(i64),
    Error(String),
    List(Vec<Reply>),
}

impl Redis {
    /// Starts it on the files of `directory` and waits until it has loaded them.
    fn start(directory: &Path, options: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port is free")
            .port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--enable-debug-command", "yes"])
            .args(options)
            .arg("--dir")
            .arg(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server 7.0 is needed for this test: apt-get install redis-server");
        let mut redis = Self::connected(child, port);
        let version = redis.call("INFO server");
        let Reply::Text(version) = version else { panic!("INFO replied {version:?}") };
        let version = String::from_utf8_lossy(&version).into_owned();
        assert!(version.contains("redis_version:7.0."), "this test needs redis-server 7.0");
        redis
    }

    fn connected(mut child: Child, port: u16) -> Self {
        let output = child.stdout.take().expect("it was piped");
        let mut said = String::new();
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let ready = lines.any(|line| {
            said.push_str(&line);
            said.push('\n');
            line.contains("Ready to accept connections")
        });
        if !ready {
            drop(child.wait());
            panic!("redis-server did not start:\n{said}");
        }
        // Its later words go nowhere, but somebody must take them.
        let reader = std::thread::Builder::new().spawn(move || lines.for_each(drop));
        drop(reader.expect("a thread can be started"));
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it is ready");
        Self { child, stream: BufReader::new(stream) }
    }

    /// Runs a command given as words of text.
    fn call(&mut self, line: &str) -> Reply {
        self.run(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn run(&mut self, words: &[&[u8]]) -> Reply {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).expect("the connection stands");
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the connection stands");
        let (kind, text) = line.trim_end().split_at(1);
        let number = || text.parse::<i64>().expect("it is a number");
        match kind {
            "$" | "*" if text == "-1" => Reply::Text(b"(nil)".to_vec()),
            "+" => Reply::Text(text.as_bytes().to_vec()),
            "-" => Reply::Error(text.to_owned()),
            ":" => Reply::Integer(number()),
            "*" => Reply::List((0..number()).map(|_| self.reply()).collect()),
            "$" => {
                let mut bytes = vec![0; number() as usize + 2];
                self.stream.read_exact(&mut bytes).expect("the connection stands");
                bytes.truncate(bytes.len() - 2);
                Reply::Text(bytes)
            }
            other => panic!("a reply starts with {other:?}"),
        }
    }

    fn ok(&mut self, words: &[&[u8]]) {
        let reply = self.run(words);
        assert!(!matches!(reply, Reply::Error(_)), "{} replied {reply:?}", show(words[0]));
    }

    fn texts(&mut self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        match self.run(words) {
            Reply::List(items) => items.into_iter().map(Reply::text).collect(),
            other => panic!("{} replied {other:?}", show(words[0])),
        }
    }

    fn contents(&mut self) -> Contents {
        let mut all = Contents::new();
        for db in 0..16 {
            self.call(&format!("SELECT {db}"));
            for key in self.texts(&[b"KEYS", b"*"]) {
                let expiry_ms = match self.run(&[b"PEXPIRETIME", &key]) {
                    Reply::Integer(at_ms) => u64::try_from(at_ms).ok(),
                    other => panic!("PEXPIRETIME replied {other:?}"),
                };
                let value = self.value(&key);
                all.insert((db, show(&key)), (value, expiry_ms));
            }
        }
        all
    }

    fn value(&mut self, key: &[u8]) -> String {
        let pair = |pair: &[Vec<u8>]| format!("{}={}", show(&pair[0]), show(&pair[1]));
        let scored = |pair: &[Vec<u8>]| {
            let value = String::from_utf8_lossy(&pair[1]).parse().expect("a score is a number");
            format!("{}={}", show(&pair[0]), score(value))
        };
        let kind = self.run(&[b"TYPE", key]).text();
        let mut words: Vec<String> = match &kind[..] {
            b"string" => return show(&self.run(&[b"GET", key]).text()),
            b"list" => {
                let elements = self.texts(&[b"LRANGE", key, b"0", b"-1"]);
                let elements: Vec<_> = elements.iter().map(|element| show(element)).collect();
                return format!("list {}", elements.join(" "));
            }
            b"set" => self.texts(&[b"SMEMBERS", key]).iter().map(|member| show(member)).collect(),
            b"hash" => self.texts(&[b"HGETALL", key]).chunks(2).map(pair).collect(),
            b"zset" => {
                let members = self.texts(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]);
                members.chunks(2).map(scored).collect()
            }
            other => panic!("{} is a {}", show(key), show(other)),
        };
        words.sort();
        format!("{} {}", show(&kind), words.join(" "))
    }
}

impl Reply {
    fn text(self) -> Vec<u8> {
        match self {
            Self::Text(bytes) => bytes,
            other => panic!("{other:?} is not text"),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read(directory: &Directory) -> (Whole, LoadReport) {
    let mut space = Whole::new();
    let report =
        load(&directory.disk(), "dump.rdb", INFO.now_ms, &mut |db, entry| space.take(db, entry));
    (space, report.expect("a file of Redis is loaded"))
}

/// Compares key by key, so that a failure stays readable.
fn compare(got: &Contents, want: &Contents) {
    for (at, value) in want {
        let found = got.get(at).unwrap_or_else(|| panic!("{at:?} is missing"));
        assert!(found == value, "{at:?}: {found:.300?}, not {value:.300?}");
    }
    assert_eq!(got.len(), want.len());
}

#[test]
fn redis_loads_what_we_save() {
    let directory = Directory::new("ours");
    let mut space = Whole::new();
    for (db, ttl) in [(0, None), (5, Some(LATER_MS)), (15, Some(LATER_MS + 1))] {
        samples(ttl).into_iter().for_each(|entry| space.put(db, entry));
    }
    save(&directory.disk(), "dump.rdb", &mut space, &INFO).expect("it is saved");
    let mut redis = Redis::start(&directory.0, &[]);
    compare(&redis.contents(), &space.contents());
}

#[test]
fn redis_loads_databases_in_several_runs() {
    let directory = Directory::new("runs");
    let mut space = Whole::new();
    let sizes = [(1000, 0), (0, 0), (1000, 500)];
    let info = SaveInfo { sizes: &sizes, extra: &[("repl-stream-db", "0")], ..INFO };
    let disk = directory.disk();
    let mut writer = Writer::create(&disk, "dump.rdb", &info).expect("it is created");
    for n in 0..2000u64 {
        let (db, at_ms) =
            if n % 2 == 0 { (0, None) } else { (2, (n % 4 == 1).then_some(LATER_MS)) };
        let entry = string(&format!("key:{n}"), b"value", at_ms);
        writer.entry(db, &entry).expect("it is written");
        space.put(db, entry);
    }
    writer.finish().expect("it is written");
    let mut redis = Redis::start(&directory.0, &[]);
    compare(&redis.contents(), &space.contents());
}

/// Fills a Redis with values in all the forms that it packs them in.
fn fill(redis: &mut Redis) {
    for (key, value) in [
        ("int8", "12".to_owned()),
        ("int16", "-3000".into()),
        ("int32", "2000000000".into()),
        ("int64", "9000000000000000000".into()),
        ("zeros", "0012".into()),
        ("short", "abc".into()),
        ("packed", "abcdefgh".repeat(100)),
        ("runs", "x".repeat(70_000)),
        ("mixed", (0..3_000).map(|i| format!("{}-{};", i % 7, i * i)).collect()),
    ] {
        redis.ok(&[b"SET", key.as_bytes(), value.as_bytes()]);
    }
    redis.ok(&[b"PEXPIREAT", b"short", LATER_MS.to_string().as_bytes()]);
    for size in [1, 5, 100, 2_000] {
        for i in 0..size {
            let number = i64::pow(i * 37 - 40, 3);
            let words = [format!("{i}"), number.to_string(), "word".repeat(i as usize % 40)];
            for word in &words {
                let word = word.as_bytes();
                redis.ok(&[b"RPUSH", format!("list{size}").as_bytes(), word]);
                redis.ok(&[b"SADD", format!("set{size}").as_bytes(), word]);
                redis.ok(&[b"HSET", format!("hash{size}").as_bytes(), word, words[1].as_bytes()]);
                let score = format!("{}", (number as f64) / 7.0);
                redis.ok(&[b"ZADD", format!("zset{size}").as_bytes(), score.as_bytes(), word]);
            }
            redis.ok(&[b"SADD", format!("narrow{size}").as_bytes(), words[0].as_bytes()]);
            redis.ok(&[b"SADD", format!("wide{size}").as_bytes(), words[1].as_bytes()]);
        }
    }
    redis.ok(&[
        b"ZADD", b"edges", b"-inf", b"a", b"inf", b"b", b"0", b"c", b"5", b"d", b"1e300", b"e",
    ]);
    redis.ok(&[b"SELECT", b"7"]);
    redis.ok(&[b"RPUSH", b"large", &[b'p'; 20_000], b"small", &[b'q'; 9_000]]);
}

#[test]
fn we_load_what_redis_saves() {
    let plain = ["--rdbcompression", "no", "--rdbchecksum", "no"];
    let packed = ["--list-compress-depth", "1", "--list-max-listpack-size", "8"];
    for (name, options) in [("default", &[][..]), ("plain", &plain), ("packed", &packed)] {
        let directory = Directory::new(name);
        let mut redis = Redis::start(&directory.0, options);
        redis.call("DEBUG QUICKLIST-PACKED-THRESHOLD 8000");
        fill(&mut redis);
        redis.ok(&[
            b"FUNCTION",
            b"LOAD",
            b"#!lua name=l\nredis.register_function('f', function() return 1 end)",
        ]);
        redis.ok(&[b"SAVE"]);
        let (space, report) = read(&directory);
        compare(&space.contents(), &redis.contents());
        assert_eq!((report.version, report.functions.len(), report.empty), (10, 1, 0), "{name}");
    }
}

/// Makes streams whose groups, consumers and nodes have something of everything.
fn fill_streams(redis: &mut Redis) {
    for i in 1..=350u64 {
        let (id, value) = (format!("{}-{}", i * 7, i % 4), "v".repeat(i as usize % 80));
        let (id, value, number) = (id.as_bytes(), value.as_bytes(), i.pow(4).to_string());
        let alike = i % 6 > 0;
        let field: &[u8] = if alike { b"number" } else { value };
        redis.ok(&[b"XADD", b"s", id, field, number.as_bytes(), b"text", value]);
    }
    for command in [
        "XGROUP CREATE s g 0",
        "XGROUP CREATE s later $ ENTRIESREAD 350",
        "XGROUP CREATE none 5 3-3 MKSTREAM",
        "XREADGROUP GROUP g ann COUNT 100 STREAMS s >",
        "XREADGROUP GROUP g 12 COUNT 20 STREAMS s >",
        "XREADGROUP GROUP g bob NOACK COUNT 5 STREAMS s >",
        "XGROUP CREATECONSUMER s later idle",
        "XCLAIM s g bob 0 14-2 21-3 RETRYCOUNT 7 IDLE 1000",
        "XACK s g 7-1 28-0",
        "XDEL s 14-2 700-0 2450-2",
        "XTRIM s MINID 50",
    ] {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        redis.ok(&words);
    }
}

#[test]
fn streams_survive_a_way_through_ours() {
    let theirs = Directory::new("streams");
    let mut redis = Redis::start(&theirs.0, &[]);
    fill_streams(&mut redis);
    let shown = ["XINFO STREAM s FULL COUNT 0", "XINFO STREAM none FULL", "DEBUG DIGEST"];
    let before = shown.map(|command| redis.call(command));
    redis.ok(&[b"SAVE"]);
    let (mut space, _) = read(&theirs);
    for (entry, want) in [("s", "added 350"), ("none", "group 5 3-3")] {
        let contents = space.contents();
        let value = &contents[&(0, entry.to_owned())].0;
        assert!(value.contains(want), "{value}");
    }
    let ours = Directory::new("streams-ours");
    save(&ours.disk(), "dump.rdb", &mut space, &INFO).expect("it is saved");
    let mut redis = Redis::start(&ours.0, &[]);
    for (command, before) in shown.iter().zip(before) {
        assert_eq!(redis.call(command), before, "{command}");
    }
}

/// A ziplist as versions before 7 wrote them.
fn ziplist(items: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut previous, mut tail) = (Vec::new(), 0, 10);
    for item in items {
        tail = 10 + body.len();
        let start = body.len();
        if previous < 254 {
            body.push(previous as u8);
        } else {
            body.push(254);
            body.extend_from_slice(&(previous as u32).to_le_bytes());
        }
        match std::str::from_utf8(item).ok().and_then(|text| text.parse::<i64>().ok()) {
            Some(number @ 0..=12) => body.push(0xf1 + number as u8),
            Some(number) => {
                body.push(0xe0);
                body.extend_from_slice(&number.to_le_bytes());
            }
            None => {
                let len = item.len() as u16;
                let long = (0x4000 | len).to_be_bytes();
                body.extend_from_slice(if len < 64 { &long[1..] } else { &long });
                body.extend_from_slice(item);
            }
        }
        previous = body.len() - start;
    }
    let total = (body.len() + 11) as u32;
    let head = [total.to_le_bytes(), (tail as u32).to_le_bytes()].concat();
    [&head[..], &(items.len() as u16).to_le_bytes(), &body, &[0xff]].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(0x4000 | bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

#[test]
fn both_read_older_forms_alike() {
    let long = [b'l'; 300];
    let list = sized(&ziplist(&[b"a", b"7", &long, b"b", b"-123456789012", b""]));
    let pairs = sized(&ziplist(&[b"a", b"1", b"f", &long, b"10", b"3.5"]));
    let scores = sized(&ziplist(&[b"a", b"1", b"b", b"2.5", &long, b"1000"]));
    let values: [(u8, &str, Vec<u8>); 7] = [
        (3, "text-scores", b"\x03\x01a\x031.5\x01b\xfe\x01c\xff".to_vec()),
        (9, "zipmap", sized(b"\x02\x01a\x02\x01bc?\x02cc\x00\x00\xff")),
        (10, "ziplist", list.clone()),
        (12, "scored-ziplist", scores),
        (13, "paired-ziplist", pairs),
        (14, "quicklist", [&[2][..], &list, &list].concat()),
        (11, "intset", sized(b"\x04\0\0\0\x02\0\0\0\xff\xff\xff\xff\x05\0\0\0")),
    ];
    let mut file = b"REDIS0009\xfe\x00".to_vec();
    for (kind, name, value) in &values {
        file.extend_from_slice(&[*kind, name.len() as u8]);
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(value);
    }
    file.extend_from_slice(&[&[0xff; 1][..], &[0; 8]].concat());
    let directory = Directory::new("older");
    std::fs::write(directory.0.join("dump.rdb"), file).expect("the directory is there");
    let (space, report) = read(&directory);
    assert_eq!(report.keys, values.len() as u64);
    compare(&Redis::start(&directory.0, &[]).contents(), &space.contents());
}
