//! Tests of what is read from other programs and of the page.

use super::results::{self, Machine};
use super::{Account, Measure, load, memory, peer, sample, server};

#[test]
fn numbers_are_found_in_what_others_print() {
    let json = |errors: u32| {
        format!(
            r#"{{"result": {{"all": {{"errors": {errors}, "per_s": 12.5, "latency_us":
            {{"p50": 1, "p99": 2, "p99.9": 3}}}},
            "connections_lost": 0, "operations_unsent": 0}}}}"#
        )
    };
    let seen = load::Seen { operations_per_s: 12.5, latency_us: [1.0, 2.0, 3.0] };
    assert_eq!(load::seen(&json(0)), Some(seen));
    assert_eq!(load::seen(&json(1)), None);
    assert_eq!(load::seen("WARNING"), None);
    assert_eq!(sample::on_cpu_ns("300 20 7\n"), Some(300));
    assert_eq!(sample::on_cpu_ns(""), None);
    let mut request = Vec::new();
    memory::encode("SADD s ab", &mut request);
    assert_eq!(request, b"*3\r\n$4\r\nSADD\r\n$1\r\ns\r\n$2\r\nab\r\n");
    assert_eq!(sample::pss("Rss: 10 kB\nPss:      1234 kB\nPss_Anon: 5 kB\n"), Some(1234));
    assert_eq!(server::words("a --save '' -p 1"), ["a", "--save", "", "-p", "1"]);
    assert_eq!(results::median(&[3.0, 1.0, 2.0]), 2.0);
}

#[test]
fn peers_are_named() {
    assert!(peer("valkey=valkey-server --port {port}").is_ok());
    assert!(peer("valkey").is_err());
    assert!(peer("=x").is_err());
}

#[test]
fn the_page_compares_round_by_round() {
    let seen = load::Seen { operations_per_s: 10.0, latency_us: [1.0, 2.0, 3.0] };
    let account = |name: &str, costs: [f64; 3]| Account {
        name: name.to_owned(),
        command: format!("{name} --port 1"),
        idle_pss_kb: 1000,
        idle_cpu_percent: 0.25,
        rounds: vec![costs.map(|cpu_us| Measure { cpu_us, seen }).to_vec(); load::LOADS.len()],
        data: vec![memory::Cost { bytes: 12.0, cpu_ns: 345.0 }; memory::DATA_SETS.len()],
    };
    let text = String::new;
    let machine = Machine { date: text(), description: text(), commit: text(), redis: text() };
    let accounts = [account("larder", [1.0, 2.0, 4.0]), account("redis", [2.0, 6.0, 4.0])];
    let page = results::page(&machine, &accounts, Some(&[30.0, 10.0, 20.0]));
    assert!(page.contains("| SET P16 | redis | 4.000 | 0.50 | 10 | 1, 2, 3 | 2.000 6.000 4.000 |"));
    assert!(page.contains("| redis | 1000 | 0.250 |"), "{page}");
    assert!(page.contains("one set, 500 k members of 15 B | 15 | 12 | 345 | 12 | 345 |"), "{page}");
    assert!(page.contains("median 20 ms (all: 30 10 20)"), "{page}");
}
