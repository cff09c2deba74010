//! Making a sequence small that still shows a difference: steps first, then words.
//! Knows no server: `holds` says whether a sequence still shows it.

use super::step::{Step, Way};

/// The smallest sequence found; `holds` is asked a few hundred times.
pub fn shrink(mut steps: Vec<Step>, mut holds: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut chunk = steps.len().div_ceil(2).max(1);
    loop {
        let before = steps.len();
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            let gone: Vec<Step> = fewer.drain(at..(at + chunk).min(steps.len())).collect();
            fewer.retain(|step| step.tie == 0 || gone.iter().all(|one| one.tie != step.tie));
            if !fewer.is_empty() && holds(&fewer) {
                steps = fewer;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 && steps.len() == before {
            break;
        }
        chunk = (chunk / 2).max(1);
    }
    words(steps, &mut holds)
}

fn words(mut steps: Vec<Step>, holds: &mut impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    for step in 0..steps.len() {
        if steps[step].tie != 0 || steps[step].way != Way::Ask {
            continue;
        }
        let mut word = steps[step].words.len();
        while word > 1 {
            word -= 1;
            let mut fewer = steps.clone();
            fewer[step].words.remove(word);
            if holds(&fewer) {
                steps = fewer;
                continue;
            }
            // Pairs of words go together in most option lists.
            if word + 1 < steps[step].words.len() {
                let mut fewer = steps.clone();
                fewer[step].words.drain(word..word + 2);
                if holds(&fewer) {
                    steps = fewer;
                }
            }
        }
        if steps[step].connection != 0 {
            let mut moved = steps.clone();
            moved[step].connection = 0;
            if holds(&moved) {
                steps = moved;
            }
        }
    }
    steps
}
