//! Scripts against other loops on real threads: a script has the node to itself, whatever keys it
//! turns out to use.

use crate::loop_core::LoopCore;
use crate::stress::Driver;
use crate::testing::Bench;
use std::thread;

const ACCOUNTS: usize = 16;
const START: usize = 1000;
const ROUNDS: usize = 60;

/// Moves an amount between two accounts that no word of the request names, and looks whether the
/// sum of all is what it must be, before and after.
const TRANSFER: &str = "local function sum() local s = 0 for i = 0, 15 do \
    s = s + redis.call('get', 'a' .. i) end return s end \
    local before = sum() \
    redis.call('decrby', 'a' .. ARGV[1] % 16, ARGV[3]) \
    redis.call('incrby', 'a' .. ARGV[2] % 16, ARGV[3]) \
    local after = sum() \
    if before ~= 16000 or after ~= 16000 then return redis.error_reply('SUM ' .. before .. ' ' .. after) end \
    return 'fine'";

/// As [`TRANSFER`], as a function.
const LIBRARY: &str = "#!lua name=bank\nredis.register_function('transfer', function(keys, args) \
    redis.call('decrby', 'a' .. args[1] % 16, args[3]) \
    redis.call('incrby', 'a' .. args[2] % 16, args[3]) return 'fine' end)";

fn request(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text += &format!("${}\r\n{word}\r\n", word.len());
    }
    text
}

fn drive(core: LoopCore, loop_id: usize) {
    let mut driver = Driver::new(core, loop_id);
    let place = driver.connect();
    for round in 0..ROUNDS {
        let numbers =
            [driver.rng.below(ACCOUNTS), driver.rng.below(ACCOUNTS), driver.rng.below(50)];
        let [from, to, amount] = numbers.map(|number| number.to_string());
        let (left, right) = (format!("a{from}"), format!("a{to}"));
        let eval = request(&["EVAL", TRANSFER, "0", &from, &to, &amount]);
        let plain = request(&["MULTI"])
            + &request(&["DECRBY", &left, &amount])
            + &request(&["INCRBY", &right, &amount])
            + &request(&["EXEC"]);
        let (asked, wanted) = match (loop_id + round) % 4 {
            0 => (eval, "$4\r\nfine\r\n".to_owned()),
            1 => {
                let text = request(&["MULTI"]) + &eval + &eval + &request(&["EXEC"]);
                (text, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$4\r\nfine\r\n$4\r\nfine\r\n".to_owned())
            }
            2 => {
                (request(&["FCALL", "transfer", "0", &from, &to, &amount]), "$4\r\nfine\r\n".into())
            }
            _ => {
                let got = driver.ask(place, &plain).expect("nobody closes it");
                assert!(got.starts_with("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:"), "{got}");
                continue;
            }
        };
        let got = driver.ask(place, &asked).expect("nobody closes it");
        assert_eq!(got, wanted, "loop {loop_id}, round {round}");
    }
    driver.core.disconnect(place);
}

#[test]
fn undeclared_keys_of_scripts_under_load_from_other_loops() {
    for loops in [1, 4] {
        let mut bench = Bench::new(loops);
        for account in 0..ACCOUNTS {
            bench.check(&format!("set a{account} {START} => +OK"));
        }
        let loaded = bench.send('a', request(&["FUNCTION", "LOAD", LIBRARY]).as_bytes());
        assert_eq!(loaded, "$4 bank");
        let cores = bench.take_loops().into_iter().enumerate();
        thread::scope(|scope| {
            let threads: Vec<_> =
                cores.map(|(id, core)| scope.spawn(move || drive(core, id))).collect();
            threads.into_iter().for_each(|thread| thread.join().expect("no driver panics"));
        });
        let core = LoopCore::new(std::sync::Arc::clone(&bench.shared), 0);
        let mut last = Driver::new(core, 0);
        let place = last.connect();
        let got = last.ask(place, &request(&["EVAL", TRANSFER, "0", "1", "2", "3"]));
        assert_eq!(got.as_deref(), Some("$4\r\nfine\r\n"), "the sum has stayed");
    }
}
