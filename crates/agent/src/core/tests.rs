//! The core against a small world of disks, sockets and processes that may fail at any point, with
//! the promises of the agent checked on every grant, start and deletion.

mod world;

use super::message::*;
use crate::core::pause::SERVICE_MS_MIN;
use admin::agent::{AgentReply, AgentRequest, NodePhase};
use stdx::Rng;
use world::{Fault, World, spec};

fn serving(world: &World, node_id: &str) -> (u64, u64, u64) {
    let seen = world.seen(node_id);
    assert_eq!(seen.phase, NodePhase::Serving, "{seen:?}");
    (seen.generation, seen.incarnation, seen.epoch)
}

/// A world with one serving node.
fn one_node() -> World {
    let mut world = World::new(Fault::None);
    world.apply(spec("a", 1, 1));
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 1));
    world
}

#[test]
fn a_node_comes_up_in_order() {
    let world = {
        let mut world = World::new(Fault::None);
        world.trace.clear();
        world.apply(spec("a", 1, 1));
        world.settle();
        world
    };
    let expected = ["Bind", "Persist", "Applied", "Spawn", "Persist", "Talk"];
    assert_eq!(world.trace, expected);
}

#[test]
fn a_crash_is_followed_by_a_start_at_once_under_a_new_epoch() {
    let mut world = one_node();
    world.trace.clear();
    let before = world.now;
    world.kill("a");
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 2));
    assert_eq!(world.now, before, "no pause after the first crash");
    assert_eq!(world.trace, ["Spawn", "Persist", "Talk"], "the socket stays bound");
    assert_eq!(world.seen("a").crashes, 1);
}

#[test]
fn repeated_crashes_are_paused_and_service_makes_them_forgotten() {
    let mut world = one_node();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let before = world.now;
        world.kill("a");
        world.settle();
        serving(&world, "a");
        pauses.push(world.now - before);
    }
    assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    world.now += SERVICE_MS_MIN;
    let before = world.now;
    world.kill("a");
    world.settle();
    assert_eq!(world.now, before);
}

#[test]
fn a_node_that_never_comes_up_is_called_failed_and_tried_on() {
    let mut world = World::new(Fault::Stillborn);
    world.apply(spec("a", 1, 1));
    world.run_until(20_000);
    match world.seen("a").phase {
        NodePhase::Failed { reason } => assert!(reason.contains("stillborn"), "{reason}"),
        other => panic!("{other:?}"),
    }
    world.fault = Fault::None;
    world.settle();
    serving(&world, "a");
}

#[test]
fn new_settings_reach_the_running_process() {
    let mut world = one_node();
    world.trace.clear();
    world.apply(spec("a", 2, 1));
    world.settle();
    assert_eq!(serving(&world, "a"), (2, 1, 1));
    assert_eq!(world.trace, ["Persist", "Applied", "Talk"]);
}

#[test]
fn a_higher_incarnation_restarts_with_a_save() {
    let mut world = one_node();
    world.trace.clear();
    world.apply(spec("a", 2, 2));
    world.settle();
    assert_eq!(serving(&world, "a"), (2, 2, 2));
    assert_eq!(world.trace, ["Persist", "Applied", "Stop", "Spawn", "Persist", "Talk"]);
    assert_eq!(world.seen("a").crashes, 0);
    assert_eq!(world.unsaved_deaths, 0);
}

#[test]
fn another_port_restarts_and_closes_the_old_one() {
    let mut world = one_node();
    let mut moved = spec("a", 2, 1);
    moved.port += 100;
    world.apply(moved.clone());
    world.settle();
    serving(&world, "a");
    assert_eq!(world.seen("a").port, moved.port);
    assert_eq!(world.bound_ports(), [moved.port]);
}

#[test]
fn a_process_that_does_not_stop_is_ended_by_harder_means() {
    for (fault, took_ms) in
        [(Fault::DeafToStop, 0), (Fault::AgreesAndStays, 10_000), (Fault::DeafToTerm, 20_000)]
    {
        let mut world = one_node();
        world.fault = fault;
        let before = world.now;
        world.apply(spec("a", 2, 2));
        world.settle();
        assert_eq!(serving(&world, "a"), (2, 2, 2));
        assert_eq!(world.now - before, took_ms, "{fault:?}");
    }
}

#[test]
fn a_removed_node_leaves_nothing() {
    let mut world = one_node();
    world.remove("a", 2);
    world.settle();
    world.assert_nothing_left("a");
    assert_eq!(world.replies.last(), Some(&AgentReply::Done));
    world.remove("never-seen", 1);
    world.settle();
    assert_eq!(world.replies.last(), Some(&AgentReply::Done));
    assert_eq!(world.agent.nodes.len(), 0);
}

#[test]
fn a_released_node_is_saved_and_leaves_its_files() {
    let faults = [Fault::None, Fault::DeafToStop, Fault::AgreesAndStays];
    for fault in faults {
        let mut world = one_node();
        world.fault = fault;
        world.release("a", 2);
        world.settle();
        world.assert_only_files_left("a");
        assert_eq!(world.replies.last(), Some(&AgentReply::Done), "{fault:?}");
        assert_eq!((world.unsaved_deaths, world.agent.nodes.len()), (0, 0), "{fault:?}");
        world.release("a", 2);
        world.settle();
        assert_eq!(world.replies.last(), Some(&AgentReply::Done), "again");
        world.apply(spec("a", 1, 1));
        world.settle();
        assert!(matches!(world.replies.last(), Some(AgentReply::Refused(_))), "older");
        world.fault = Fault::None;
        world.apply(spec("a", 3, 2));
        world.settle();
        serving(&world, "a");
        world.release("a", 4);
        world.settle();
        world.remove("a", 4);
        world.settle();
        world.assert_nothing_left("a");
    }
}

#[test]
fn a_removal_in_the_middle_of_a_release_leaves_nothing_and_not_the_other_way() {
    for steps in 0..6 {
        let mut world = one_node();
        world.release("a", 2);
        (0..steps).for_each(|_| world.complete_any());
        world.remove("a", 2);
        world.settle();
        world.assert_nothing_left("a");
        let mut world = one_node();
        world.remove("a", 2);
        (0..steps).for_each(|_| world.complete_any());
        world.release("a", 2);
        world.settle();
        world.assert_nothing_left("a");
        assert_eq!(world.replies.last(), Some(&AgentReply::Done));
    }
}

#[test]
fn an_agent_killed_during_a_release_is_followed_by_one_that_ends_it() {
    for steps in 0..6 {
        let mut world = one_node();
        world.release("a", 2);
        (0..steps).for_each(|_| world.complete_any());
        world.kill_agent();
        world.start_agent();
        world.settle();
        world.release("a", 2);
        world.settle();
        world.assert_only_files_left("a");
        assert_eq!(world.unsaved_deaths, 0, "after {steps} steps");
        world.apply(spec("a", 3, 2));
        world.settle();
        serving(&world, "a");
    }
}

#[test]
fn a_release_that_fails_anywhere_is_repeated() {
    for nth in 0..20 {
        let mut world = one_node();
        world.fault = Fault::Nth(world.completed + nth);
        world.release("a", 2);
        world.settle();
        world.release("a", 2);
        world.settle();
        world.assert_only_files_left("a");
        assert_eq!(world.unsaved_deaths, 0, "{nth}");
    }
}

#[test]
fn nothing_older_than_accepted_is_carried_out() {
    let mut world = World::new(Fault::None);
    world.apply(spec("a", 5, 2));
    world.settle();
    let check = |world: &mut World, request: AgentRequest, code: &str| {
        world.request(request);
        world.settle();
        match world.replies.last() {
            Some(AgentReply::Refused(refusal)) => assert_eq!(refusal.code, code),
            other => panic!("{other:?} instead of {code}"),
        }
        assert_eq!(world.bound_ports().len(), 1);
    };
    let apply = |spec| AgentRequest::Apply(Box::new(spec));
    let remove = |generation| AgentRequest::Remove { node_id: "a".to_owned(), generation };
    check(&mut world, apply(spec("a", 4, 2)), "StaleGeneration");
    check(&mut world, apply(spec("a", 6, 1)), "StaleGeneration");
    check(&mut world, remove(4), "StaleGeneration");
    check(&mut world, apply(spec("../a", 1, 1)), "BadRequest");
    check(&mut world, apply(spec("", 1, 1)), "BadRequest");
    check(&mut world, AgentRequest::Probe { node_id: "b".to_owned() }, "UnknownNode");
    let mut nowhere = spec("b", 1, 1);
    nowhere.bind = "localhost".to_owned();
    check(&mut world, apply(nowhere), "BadRequest");
    world.remove("a", 6);
    world.settle();
    world.apply(spec("a", 5, 2));
    world.settle();
    assert!(matches!(world.replies.last(), Some(AgentReply::Refused(_))));
    world.assert_nothing_left("a");
}

#[test]
fn a_new_node_whose_port_is_taken_is_refused_and_forgotten() {
    let mut world = World::new(Fault::None);
    world.taken_ports.push(spec("a", 1, 1).port);
    world.apply(spec("a", 1, 1));
    world.settle();
    match world.replies.last() {
        Some(AgentReply::Refused(refusal)) => assert_eq!(refusal.code, "PortInUse"),
        other => panic!("{other:?}"),
    }
    world.assert_nothing_left("a");
    assert_eq!(world.agent.nodes.len(), 0);
}

#[test]
fn a_moved_node_whose_new_port_is_taken_stays_as_it_was() {
    let mut world = one_node();
    let mut moved = spec("a", 2, 1);
    moved.port += 100;
    world.taken_ports.push(moved.port);
    world.apply(moved);
    world.settle();
    assert!(matches!(world.replies.last(), Some(AgentReply::Refused(_))));
    assert_eq!(serving(&world, "a"), (1, 1, 1));
}

#[test]
fn a_port_that_was_lost_makes_the_node_fail_until_it_is_free_again() {
    let mut world = one_node();
    world.kill_agent();
    world.kill("a");
    world.taken_ports.push(spec("a", 1, 1).port);
    world.start_agent();
    world.run_until(world.now + 10_000);
    assert!(matches!(world.seen("a").phase, NodePhase::Failed { .. }));
    world.taken_ports.clear();
    world.settle();
    serving(&world, "a");
}

#[test]
fn a_new_agent_adopts_without_a_new_grant() {
    let mut world = one_node();
    world.kill_agent();
    world.trace.clear();
    world.start_agent();
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 1));
    assert_eq!(world.trace, ["Adopt", "Control"], "control waits for the nodes");
    world.kill("a");
    world.settle();
    assert_eq!(serving(&world, "a").2, 1_001, "above everything the dead agent could have used");
}

#[test]
fn a_silent_process_of_an_earlier_agent_is_neither_killed_nor_replaced() {
    let mut world = one_node();
    world.kill_agent();
    world.fault = Fault::Silent;
    world.start_agent();
    world.run_until(world.now + 60_000);
    assert_eq!(world.living("a").len(), 1);
    assert_eq!(world.starts, 1);
    assert!(world.trace.contains(&"Control".to_owned()), "control does not wait for ever");
    world.fault = Fault::None;
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 1));
}

#[test]
fn a_serving_process_that_falls_silent_is_killed_and_replaced() {
    let mut world = one_node();
    world.trace.clear();
    let before = world.now;
    world.fault = Fault::Hung;
    world.run_until(before + 8_999);
    assert_eq!(world.starts, 1, "it has 9 s");
    world.run_until(before + 9_000);
    world.fault = Fault::None;
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 2));
    assert_eq!(world.trace, ["Spawn", "Persist", "Talk"], "the socket stays bound");
    assert_eq!(world.seen("a").crashes, 1);
}

#[test]
fn a_process_that_answers_now_and_then_or_cannot_be_asked_is_left_alone() {
    let mut world = one_node();
    for _ in 0..20 {
        world.fault = Fault::Hung;
        world.run_until(world.now + 5_000);
        world.fault = Fault::None;
        world.run_until(world.now + 4_000);
    }
    world.fault = Fault::Unaskable;
    world.run_until(world.now + 60_000);
    assert_eq!(world.starts, 1);
    assert_eq!(serving(&world, "a"), (1, 1, 1));
}

#[test]
fn a_process_that_is_adopted_is_listened_to() {
    let mut world = one_node();
    world.kill_agent();
    world.start_agent();
    world.settle();
    world.fault = Fault::Hung;
    world.run_until(world.now + 10_000);
    world.fault = Fault::None;
    world.settle();
    assert_eq!((world.starts, world.seen("a").crashes), (2, 1));
}

#[test]
fn a_generation_means_one_thing() {
    let mut world = one_node();
    let mut other = spec("a", 1, 1);
    other.settings.connections_max += 1;
    world.apply(other.clone());
    world.settle();
    match world.replies.last() {
        Some(AgentReply::Refused(refusal)) => {
            assert!(refusal.message.contains("higher"), "{}", refusal.message);
        }
        reply => panic!("{reply:?}"),
    }
    other.generation = 2;
    world.apply(other);
    world.settle();
    assert_eq!(serving(&world, "a"), (2, 1, 1));
}

#[test]
fn a_process_that_was_not_heard_yet_is_ended_with_a_save() {
    let mut world = one_node();
    world.kill_agent();
    world.start_agent();
    world.trace.clear();
    world.event(Event::Terminate);
    world.settle();
    assert!(world.trace.contains(&"Stop".to_owned()), "{:?}", world.trace);
    assert_eq!(world.unsaved_deaths, 0);
}

#[test]
fn a_process_of_another_protocol_is_replaced() {
    let mut world = one_node();
    world.kill_agent();
    world.fault = Fault::OldProtocol;
    world.start_agent();
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 1_001));
    assert_eq!(world.unsaved_deaths, 0, "it got SIGTERM and saved");
}

#[test]
fn a_long_load_is_waited_for() {
    let mut world = World::new(Fault::Loading);
    world.apply(spec("a", 1, 1));
    for _ in 0..500 {
        world.complete_any();
    }
    assert_eq!(world.seen("a").phase, NodePhase::Starting);
    assert_eq!(world.starts, 1);
    world.fault = Fault::None;
    world.settle();
    assert_eq!(serving(&world, "a"), (1, 1, 1), "the same grant all the time");
}

#[test]
fn a_stale_epoch_file_is_overtaken() {
    let mut world = one_node();
    world.kill_agent();
    world.kill("a");
    world.disk_epoch = 0;
    world.spawned_epoch_floor = 7_777;
    world.start_agent();
    world.settle();
    assert!(serving(&world, "a").2 > 7_777);
}

#[test]
fn terminate_stops_control_first_then_saves_all_nodes() {
    let mut world = one_node();
    world.apply(spec("b", 1, 1));
    world.settle();
    world.trace.clear();
    world.event(Event::Terminate);
    world.event(Event::Terminate);
    world.settle();
    assert_eq!(world.trace[0], "ControlTerminate");
    assert_eq!(world.trace[1..], ["Stop", "Stop", "Exit"]);
    assert_eq!(world.unsaved_deaths, 0);
    world.apply(spec("c", 1, 1));
    assert!(matches!(world.replies.last(), Some(AgentReply::Refused(_))));
}

#[test]
fn terminate_in_the_middle_of_anything_ends() {
    for steps in 0..12 {
        let mut world = World::new(Fault::None);
        world.apply(spec("a", 1, 1));
        for _ in 0..steps {
            world.complete_any();
        }
        world.event(Event::Terminate);
        world.settle();
        assert_eq!(world.trace.last().map(String::as_str), Some("Exit"), "after {steps} steps");
        assert!(world.living("a").is_empty());
    }
}

#[test]
fn a_watch_is_answered_by_a_change_or_in_time() {
    let mut world = one_node();
    let revision = world.agent.revision;
    let asked = world.replies.len();
    let watch = AgentRequest::Watch { after: revision, timeout_ms: 5_000 };
    world.event(Event::Tick);
    world.apply(spec("a", 1, 1));
    assert_eq!(world.agent.revision, revision, "nothing has changed");
    let asked = asked + 1;
    world.request(watch.clone());
    assert_eq!(world.replies.len(), asked);
    world.settle();
    assert_eq!(world.replies.len(), asked + 1, "time is over");
    world.request(watch.clone());
    world.kill("a");
    world.complete_any();
    assert_eq!(world.replies.len(), asked + 2, "something changed");
    world.settle();
    world.request(watch);
    assert_eq!(world.replies.len(), asked + 3, "it had changed before");
}

/// What each enumeration runs: a life from creation to removal, with a crash and a restart.
fn life(world: &mut World) {
    world.apply(spec("a", 1, 1));
    world.settle();
    world.apply(spec("a", 2, 1));
    world.settle();
    world.kill("a");
    world.settle();
    world.apply(spec("a", 3, 2));
    world.settle();
}

fn assert_life_converged(world: &mut World) {
    // Whoever was refused asks again, as control does.
    world.apply(spec("a", 3, 2));
    world.settle();
    let (generation, incarnation, _) = serving(world, "a");
    assert_eq!((generation, incarnation), (3, 2));
    world.remove("a", 4);
    world.settle();
    if !matches!(world.replies.last(), Some(AgentReply::Done)) {
        world.remove("a", 4);
        world.settle();
    }
    world.assert_nothing_left("a");
}

#[test]
fn any_single_failure_is_survived() {
    let mut failed = 0;
    for nth in 0.. {
        let mut world = World::new(Fault::Nth(nth));
        life(&mut world);
        assert_life_converged(&mut world);
        if world.completed <= nth {
            break;
        }
        failed += 1;
    }
    assert!(failed > 15, "only {failed} points were tried");
}

#[test]
fn events_that_come_twice_change_nothing() {
    let mut world = World::new(Fault::None);
    world.twice = true;
    life(&mut world);
    assert_eq!(serving(&world, "a"), (3, 2, 3));
    assert_eq!(world.starts, 3);
    assert_life_converged(&mut world);
}

#[test]
fn an_agent_killed_at_any_point_is_followed_by_one_that_converges() {
    for point in 0..40 {
        let mut world = World::new(Fault::None);
        world.apply(spec("a", 1, 1));
        for step in 0..point {
            match step {
                8 => world.apply(spec("a", 2, 2)),
                16 => world.kill("a"),
                22 => world.apply(spec("a", 3, 2)),
                _ => world.complete_any(),
            }
        }
        world.kill_agent();
        world.start_agent();
        world.settle();
        assert_life_converged(&mut world);
    }
}

#[test]
fn seeded_chaos_keeps_the_promises_and_converges() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut world = World::new(Fault::None);
        let mut newest = [0u64; 3];
        for _ in 0..250 {
            chaos_step(&mut world, &mut rng, &mut newest);
        }
        world.fault = Fault::None;
        for (at, generation) in newest.iter_mut().enumerate() {
            *generation += 1;
            world.settle();
            world.apply(spec(world::NAMES[at], *generation, *generation));
        }
        world.settle();
        for (at, generation) in newest.iter().enumerate() {
            let (seen, incarnation, _) = serving(&world, world::NAMES[at]);
            assert_eq!((seen, incarnation), (*generation, *generation), "seed {seed}");
            world.remove(world::NAMES[at], *generation);
        }
        world.settle();
        for name in world::NAMES {
            world.assert_nothing_left(name);
        }
        assert!(world.bound_ports().is_empty(), "seed {seed}");
    }
}

fn chaos_step(world: &mut World, rng: &mut Rng, newest: &mut [u64; 3]) {
    let at = rng.below(newest.len());
    let name = world::NAMES[at];
    match rng.below(40) {
        0 | 1 => {
            newest[at] += 1;
            world.apply(spec(name, newest[at], newest[at].div_ceil(2)));
        }
        2 => {
            newest[at] += 1;
            world.remove(name, newest[at]);
        }
        3 | 4 => world.kill(name),
        5 => {
            world.kill_agent();
            world.start_agent();
        }
        6 => world.run_until(world.now + 1 + rng.below(7_000) as u64),
        7 => {
            let faults = [
                Fault::None,
                Fault::Stillborn,
                Fault::Silent,
                Fault::Hung,
                Fault::Unaskable,
                Fault::DeafToStop,
                Fault::AgreesAndStays,
                Fault::DeafToTerm,
                Fault::Loading,
                Fault::Half(rng.next_u64()),
            ];
            world.fault = faults[rng.below(faults.len())];
        }
        9 => {
            newest[at] += 1;
            world.release(name, newest[at]);
        }
        8 => world.apply(spec(name, rng.below(newest[at] as usize + 1) as u64, 1)),
        _ => world.complete_at(rng.next_u64() as usize),
    }
}
