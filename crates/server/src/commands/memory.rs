//! MEMORY: where the node's memory goes. What one key takes is a data command.

use crate::info::count_keys;
use crate::turn::Turn;
use engine::CommandError;

/// MEMORY DOCTOR.
///
/// # Errors
/// None.
pub fn doctor(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let used = stdx::alloc::used_bytes();
    let limit = turn.gate().settings.maxmemory_bytes;
    let text = if used < SMALL_BYTES {
        "There is too little data to tell anything about its memory.\n".to_owned()
    } else if limit > 0 && used > limit / 10 * 9 {
        format!("The data take {used} of {limit} bytes: raise maxmemory, or expect evictions.\n")
    } else {
        "No problem of memory was found.\n".to_owned()
    };
    turn.reply().verbatim(text.as_bytes());
    Ok(())
}

/// Below this nothing can be told from the figures.
const SMALL_BYTES: u64 = 5 << 20;

/// MEMORY MALLOC-STATS.
///
/// # Errors
/// None.
pub fn malloc_stats(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.reply().bulk(b"Stats not supported for the current allocator");
    Ok(())
}

/// MEMORY PURGE: the allocator gives pages back by itself.
///
/// # Errors
/// None.
pub fn purge(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.reply().ok();
    Ok(())
}

/// MEMORY HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "MEMORY", index);
    Ok(())
}

enum Figure {
    Int(u64),
    Ratio(f64),
}

/// MEMORY STATS.
///
/// # Errors
/// Busy, when another loop holds a shard.
pub fn stats(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let dbs = turn.gate().settings.dbs;
    let counts = count_keys(turn.space(), dbs)?;
    let used: Vec<_> =
        counts.iter().enumerate().filter(|(_, (keys, _))| *keys > 0).map(|(db, _)| db).collect();
    let keys = counts.iter().map(|(keys, _)| *keys as u64).sum();
    let figures = figures(turn, keys);
    let mut reply = turn.reply();
    reply.map(figures.len() + used.len());
    for db in used {
        reply.bulk(format!("db.{db}").as_bytes());
        reply.map(3);
        for name in ["main", "expires", "slot-to-keys"] {
            reply.bulk(format!("overhead.hashtable.{name}").as_bytes());
            reply.int(0);
        }
    }
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match figure {
            Figure::Int(number) => reply.int(number as i64),
            Figure::Ratio(ratio) => reply.double(ratio),
        }
    }
    Ok(())
}

fn figures(turn: &Turn<'_, '_>, keys: u64) -> Vec<(&'static str, Figure)> {
    let shared = turn.shared;
    let total = stdx::alloc::used_bytes();
    let peak = shared.memory.peak_bytes(total);
    let startup = shared.memory.startup_bytes();
    let resident = shared.host.resident_bytes();
    let data = total.saturating_sub(startup);
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    vec![
        ("peak.allocated", Figure::Int(peak)),
        ("total.allocated", Figure::Int(total)),
        ("startup.allocated", Figure::Int(startup)),
        ("replication.backlog", Figure::Int(0)),
        ("clients.slaves", Figure::Int(0)),
        ("clients.normal", Figure::Int(0)),
        ("cluster.links", Figure::Int(0)),
        ("aof.buffer", Figure::Int(0)),
        ("lua.caches", Figure::Int(0)),
        ("functions.caches", Figure::Int(0)),
        ("overhead.total", Figure::Int(startup)),
        ("keys.count", Figure::Int(keys)),
        ("keys.bytes-per-key", Figure::Int(data.checked_div(keys).unwrap_or(0))),
        ("dataset.bytes", Figure::Int(data)),
        ("dataset.percentage", Figure::Ratio(share(data, total) * 100.0)),
        ("peak.percentage", Figure::Ratio(share(total, peak) * 100.0)),
        ("allocator.allocated", Figure::Int(total)),
        ("allocator.active", Figure::Int(resident)),
        ("allocator.resident", Figure::Int(resident)),
        ("allocator-fragmentation.ratio", Figure::Ratio(share(resident, total))),
        ("allocator-fragmentation.bytes", Figure::Int(resident.saturating_sub(total))),
        ("allocator-rss.ratio", Figure::Ratio(1.0)),
        ("allocator-rss.bytes", Figure::Int(0)),
        ("rss-overhead.ratio", Figure::Ratio(1.0)),
        ("rss-overhead.bytes", Figure::Int(0)),
        ("fragmentation", Figure::Ratio(share(resident, total))),
        ("fragmentation.bytes", Figure::Int(resident.saturating_sub(total))),
    ]
}
