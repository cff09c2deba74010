//! Values in the form that RESTORE takes, as redis-server writes them. Knows no grammar.

use super::peer::{Peer, Words};
use super::reply::Reply;
use anyhow::Result;

/// What makes one value of each encoding at `k`.
const RECIPES: [&[&str]; 14] = [
    &["SET k 12"],
    &["SET k -3000000000"],
    &["SET k text"],
    &["SETRANGE k 300 aaaa"],
    &["RPUSH k a b 3"],
    &["CONFIG SET list-max-listpack-size 2", "RPUSH k a b c d e f 7 8"],
    &["SADD k 1 2 70000"],
    &["SADD k a b 3"],
    &["ZADD k 1 a -2.5 b inf c"],
    &["CONFIG SET zset-max-listpack-entries 2", "ZADD k 1 a -2.5 b inf c -0 d"],
    &["HSET k a 1 b x"],
    &["CONFIG SET hash-max-listpack-entries 2", "HSET k a 1 b x c 3.5"],
    &["XADD k 1-1 a 1", "XADD k 2-0 a 2 b 3", "XADD k 3-0 a 2 b 3", "XDEL k 2-0"],
    &[
        "XADD k 1-1 a 1",
        "XADD k 2-0 a 2",
        "XGROUP CREATE k g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS k >",
        "XGROUP CREATECONSUMER k g d",
    ],
];

/// One payload for each recipe.
///
/// # Errors
/// The server does not answer as it should.
pub fn from_server(server: &mut dyn Peer) -> Result<Vec<Vec<u8>>> {
    let mut ask = |line: &str| -> Result<Reply> {
        let words: Words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        server.send(0, &[&words])?;
        Ok(server.receive(0, 1)?.remove(0))
    };
    let mut payloads = Vec::new();
    for recipe in RECIPES {
        ask("FLUSHALL")?;
        for line in recipe {
            ask(line)?;
        }
        match ask("DUMP k")? {
            Reply::Bulk(payload) => payloads.push(payload),
            other => anyhow::bail!("DUMP after {recipe:?} answers {other}"),
        }
    }
    Ok(payloads)
}
