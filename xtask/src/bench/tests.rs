//! Tests of what is read from other programs and of the page.

use super::results::{self, Machine};
use super::{Account, Measure, load, peer, sample, server};

#[test]
fn numbers_are_found_in_what_others_print() {
    let csv = "\"test\",\"rps\",\"avg\"\n\"SET\",\"123456.78\",\"0.1\"\n";
    assert_eq!(load::operations_per_s(csv), Some(123_456.78));
    assert_eq!(load::operations_per_s("WARNING"), None);
    let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
    assert_eq!(sample::ticks(stat), Some(300));
    assert_eq!(sample::ticks("7 (a"), None);
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
    let account = |name: &str, costs: [f64; 3]| Account {
        name: name.to_owned(),
        command: format!("{name} --port 1"),
        idle_pss_kb: 1000,
        rounds: vec![
            costs.map(|cpu_us| Measure { cpu_us, operations_per_s: 10.0 }).to_vec();
            load::LOADS.len()
        ],
    };
    let text = String::new;
    let machine = Machine { date: text(), description: text(), commit: text(), redis: text() };
    let accounts = [account("larder", [1.0, 2.0, 4.0]), account("redis", [2.0, 6.0, 4.0])];
    let page = results::page(&machine, &accounts, Some(&[30.0, 10.0, 20.0]));
    assert!(page.contains("| SET P16 | redis | 4.000 | 2.00 | 10 | 2.000 6.000 4.000 |"), "{page}");
    assert!(page.contains("median 20 ms (all: 30 10 20)"), "{page}");
}
