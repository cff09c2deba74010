//! What to do next about one instance, from intent and observation alone. A plan is thrown away and
//! made again whenever either changes, so every step can be repeated, and a step that was lost is
//! planned again. Must not know how steps are carried out.

mod bin;
mod create;
mod delete;
mod queue;
mod restart;
mod settle;

pub use bin::{BinStep, plan_released};

use crate::instance::Instance;
use crate::observation::Observed;

/// One step towards the intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Tell the agent the whole truth of this generation.
    Apply {
        /// Of the intent.
        generation: u64,
    },
    /// Remember that this incarnation was seen serving.
    NoteServed {
        /// As observed.
        incarnation: u64,
    },
    /// End the task that the instance is under: it has come about.
    EndTask,
    /// Begin what waits and whose time has come.
    Begin,
    /// Have the agent stop the node and keep its data, then put the instance into the recycle bin.
    Release {
        /// Of the intent.
        generation: u64,
    },
    /// Have the agent leave nothing of the node, then forget the instance.
    Remove {
        /// Of the intent.
        generation: u64,
    },
}

/// The next step, or nothing while there is nothing to do but to wait for the world to change.
/// `accepted` is the highest generation that the present agent has taken for this node: what was
/// taken is under way and not asked for twice.
pub fn plan(
    intent: &Instance,
    observed: Observed<'_>,
    accepted: u64,
    now_unix_ms: i64,
) -> Option<Step> {
    if intent.deleting {
        return delete::plan(intent, observed);
    }
    let node = match observed {
        Observed::Unknown => return None,
        Observed::Absent => return create::plan(intent, accepted),
        Observed::Known(node) => node,
    };
    restart::plan(intent, node, accepted)
        .or_else(|| settle::plan(intent, node, accepted))
        .or_else(|| queue::plan(intent, node, now_unix_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Kept;
    use crate::instance::tests::sample;
    use crate::lifecycle::{Status, status};
    use crate::observation::tests::node;
    use crate::task::{Change, Queued, Running};
    use admin::agent::{NodeObserved, NodePhase};

    #[test]
    fn table() {
        use NodePhase::{Serving, Starting};
        let apply = |generation| Some(Step::Apply { generation });
        let note = |incarnation| Some(Step::NoteServed { incarnation });
        // (intent: generation, incarnation, served), (node: phase, generation, incarnation),
        // accepted, step
        let rows = [
            ((1, 1, 0), None, 0, apply(1)),
            ((1, 1, 0), None, 1, None),
            ((1, 1, 0), Some((Starting, 0, 0)), 1, None),
            ((1, 1, 0), Some((Starting, 0, 0)), 0, apply(1)),
            ((1, 1, 0), Some((Serving, 1, 1)), 1, note(1)),
            ((1, 1, 0), Some((Serving, 1, 1)), 0, note(1)),
            ((1, 1, 1), Some((Serving, 1, 1)), 1, None),
            ((2, 1, 1), Some((Serving, 1, 1)), 1, apply(2)),
            ((2, 1, 1), Some((Serving, 1, 1)), 2, None),
            ((2, 1, 1), Some((Serving, 2, 1)), 2, None),
            ((3, 2, 1), Some((Serving, 2, 1)), 2, apply(3)),
            ((3, 2, 1), Some((Starting, 2, 1)), 3, None),
            ((3, 2, 1), Some((Serving, 3, 2)), 3, note(2)),
            ((3, 2, 2), None, 0, apply(3)),
        ];
        for ((generation, incarnation, served), seen, accepted, expected) in rows {
            let intent =
                Instance { generation, incarnation, served_incarnation: served, ..sample() };
            let known = seen.clone().map(|(phase, g, i)| node(phase, g, i));
            let observed = known.as_ref().map_or(Observed::Absent, Observed::Known);
            let step = plan(&intent, observed, accepted, 0);
            assert_eq!(step, expected, "{generation} {incarnation} {served} {seen:?} {accepted}");
            assert_eq!(plan(&intent, Observed::Unknown, accepted, 0), None);
            let going = Instance { deleting: true, ..intent };
            let step = plan(&going, observed, accepted, 0);
            assert_eq!(step, Some(Step::Remove { generation }));
            let kept = Some(Kept { deleted_unix_ms: 0, until_unix_ms: 1 });
            let going = Instance { kept, ..going };
            assert_eq!(plan(&going, observed, accepted, 0), Some(Step::Release { generation }));
            assert_eq!(plan(&going, Observed::Unknown, accepted, 0), None);
        }
    }

    /// 19:00 UTC, inside the default window.
    const OPEN_UNIX_MS: i64 = 19 * 3_600_000;

    /// A world in which each step works at once.
    struct World {
        intent: Option<Instance>,
        node: Option<NodeObserved>,
        accepted: u64,
    }

    impl World {
        fn step(&mut self) -> bool {
            let Some(intent) = &mut self.intent else { return false };
            let observed = self.node.as_ref().map_or(Observed::Absent, Observed::Known);
            match plan(intent, observed, self.accepted, OPEN_UNIX_MS) {
                None => return false,
                Some(Step::Apply { generation }) => {
                    self.accepted = generation;
                    self.node = Some(node(NodePhase::Serving, generation, intent.incarnation));
                }
                Some(Step::NoteServed { incarnation }) => {
                    intent.served_incarnation = incarnation;
                    intent.running = None;
                }
                Some(Step::EndTask) => intent.running = None,
                Some(Step::Begin) => {
                    let Queued { task_id, change, .. } = intent.queued.remove(0);
                    change.apply(intent);
                    intent.running = Some(Running { task_id, kind: change.kind() });
                }
                Some(Step::Release { .. } | Step::Remove { .. }) => {
                    (self.intent, self.node) = (None, None);
                }
            }
            true
        }

        fn settle(&mut self) {
            let steps = (0..10).take_while(|_| self.step()).count();
            assert!(steps < 10, "plans do not come to an end");
        }
    }

    #[test]
    fn life_of_an_instance_converges_after_each_change() {
        let mut world = World { intent: Some(sample()), node: None, accepted: 0 };
        let changes: [fn(&mut Instance); 4] = [
            |_| {},
            |intent| intent.touch(),
            |intent| {
                intent.touch();
                intent.incarnation += 1;
            },
            |intent| {
                let spec = Change::Spec { class: "redis.shard.mid.2.ce".into() };
                let queued =
                    |change| Queued { task_id: "t-1".into(), change, switch_unix_ms: None };
                intent.queued = [Change::Restart, spec, Change::Restart].map(queued).into();
            },
        ];
        for change in changes {
            change(world.intent.as_mut().expect("not deleted yet"));
            world.settle();
            let intent = world.intent.as_ref().expect("not deleted yet");
            let seen = world.node.as_ref().expect("converged");
            assert_eq!(seen.generation, intent.generation);
            assert!(intent.queued.is_empty() && intent.running.is_none());
            assert_eq!(status(intent, Observed::Known(seen)), Status::Normal);
            // A new agent or control process knows nothing of what was accepted.
            world.accepted = 0;
            world.settle();
        }
        world.intent.as_mut().expect("not deleted yet").deleting = true;
        world.settle();
        assert!(world.intent.is_none() && world.node.is_none());
    }
}
