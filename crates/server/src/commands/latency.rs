//! LATENCY: spikes by event, and times by command.

use crate::turn::Turn;
use catalog::commands::CommandId;
use engine::CommandError;

/// LATENCY LATEST.
///
/// # Errors
/// None.
pub fn latest(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let events = turn.shared.measures.latency.lock().events.clone();
    let mut reply = turn.reply();
    reply.array(events.len());
    for (event, spikes) in events {
        let (at_s, took_ms) = spikes.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.int(at_s as i64);
        reply.int(took_ms as i64);
        reply.int(spikes.max_ms as i64);
    }
    Ok(())
}

/// LATENCY HISTORY event.
///
/// # Errors
/// None.
pub fn history(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let wanted = String::from_utf8_lossy(turn.args.at(2)).to_ascii_lowercase();
    let spikes = turn.shared.measures.latency.lock().events.get(wanted.as_str()).cloned();
    let samples = spikes.unwrap_or_default().samples;
    let mut reply = turn.reply();
    reply.array(samples.len());
    for (at_s, took_ms) in samples {
        reply.array(2);
        reply.int(at_s as i64);
        reply.int(took_ms as i64);
    }
    Ok(())
}

/// LATENCY RESET [event …].
///
/// # Errors
/// None.
pub fn reset(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let names: Vec<String> =
        turn.args.from(2).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let count = turn.shared.measures.latency.lock().reset(&names);
    turn.reply().int(count as i64);
    Ok(())
}

/// LATENCY HISTOGRAM [command …].
///
/// # Errors
/// None.
pub fn histogram(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let shared = turn.shared;
    let rows = shared.index.rows();
    let wanted: Vec<String> =
        turn.args.from(2).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let hit = |name: &str| {
        let container = name.split_once('|').map_or(name, |(container, _)| container);
        wanted.is_empty() || wanted.iter().any(|word| word == name || word == container)
    };
    let ids = (0..rows.len()).filter(|id| hit(rows[*id].name));
    let times: Vec<_> = ids
        .filter_map(|id| Some((rows[id].name, shared.measures.times(id as CommandId)?)))
        .collect();
    let mut reply = turn.reply();
    reply.map(times.len());
    for (name, times) in times {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(times.len() as i64);
        reply.bulk(b"histogram_usec");
        let powers = times.powers();
        reply.map(powers.len());
        for (us, count) in powers {
            reply.int(us as i64);
            reply.int(count as i64);
        }
    }
    Ok(())
}

/// LATENCY DOCTOR.
///
/// # Errors
/// None.
pub fn doctor(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let events = turn.shared.measures.latency.lock().events.clone();
    let mut text = String::new();
    if turn.gate().settings.timing.spike_ms == 0 {
        text.push_str("Spikes are not watched: set latency-monitor-threshold to some ms.\n");
    } else if events.is_empty() {
        text.push_str("No spike of latency was seen.\n");
    }
    for (event, spikes) in events {
        let (count, max_ms) = (spikes.samples.len(), spikes.max_ms);
        text.push_str(&format!("{event}: {count} spikes, the longest took {max_ms} ms.\n"));
    }
    turn.reply().verbatim(text.as_bytes());
    Ok(())
}

/// LATENCY HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "LATENCY", index);
    Ok(())
}
