//! Looks at all rules whose period has ended and stores what follows: the state of an instance and
//! the alert with its messages in one transaction, so that a crash in between tells nobody twice.
//! Must not know how messages travel.

use super::{KEPT_DAYS, KEPT_MAX};
use crate::metrics::Metrics;
use crate::random;
use crate::store::{Change, Expect, Kind, Store, StoreError, documents};
use catalog::metrics::{Unit, find_cloud};
use control_model::Instance;
use control_model::alarm::{
    Alert, Channel, Contact, ContactGroup, Decision, Delivery, Event, Level, Phase, Point, Rule,
    State, evaluate,
};
use series::rollup::{Fold, start_of};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// Old alerts are looked for when the clock shows a multiple of this, in seconds.
const PRUNE_S: i64 = 3_600;

/// Rules and where each instance stands with each.
pub(crate) struct Evaluator {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
    /// Told the id of each alert that has something to send.
    pub(crate) outbox: UnboundedSender<String>,
    known: Option<Known>,
}

/// What the store said at a revision.
struct Known {
    revision: u64,
    rules: Vec<Rule>,
    /// By the store's id.
    states: BTreeMap<String, State>,
}

/// The store's id of a rule.
pub(crate) fn rule_key(account_id: &str, rule_id: &str) -> String {
    format!("{account_id}/{rule_id}")
}

/// The store's id of a state. Rule ids may hold slashes, instance ids do not.
pub(crate) fn state_key(rule: &Rule, instance_id: &str) -> String {
    format!("{}/{}/{instance_id}", rule.account_id, rule.rule_id)
}

impl Evaluator {
    /// One that has read nothing yet.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        outbox: UnboundedSender<String>,
    ) -> Evaluator {
        Evaluator { store, metrics, outbox, known: None }
    }

    /// Evaluates the periods that ended at `at_s` or, where that was missed, before.
    ///
    /// # Errors
    /// When the store fails; what was not stored is evaluated again the next time.
    pub(crate) fn run(&mut self, at_s: i64, instances: &[Instance]) -> Result<(), StoreError> {
        let mut known = self.read()?;
        let mut live = BTreeSet::new();
        for rule in known.rules.iter().filter(|rule| rule.enabled) {
            let own = instances.iter().filter(|instance| {
                instance.account_id == rule.account_id
                    && !instance.deleting
                    && rule.watches(&instance.instance_id)
            });
            for instance in own {
                let key = state_key(rule, &instance.instance_id);
                let before = known.states.get(&key).cloned().unwrap_or_default();
                let after = self.look(rule, instance, &before, at_s)?;
                known.states.insert(key.clone(), after);
                live.insert(key);
            }
        }
        let gone: Vec<String> =
            known.states.keys().filter(|key| !live.contains(*key)).cloned().collect();
        for key in gone {
            self.store.txn(&[documents::delete(Kind::AlarmState, &key, Expect::Any)])?;
            known.states.remove(&key);
        }
        self.known = Some(known);
        if at_s.rem_euclid(PRUNE_S) == 0 {
            self.prune(at_s)?;
        }
        Ok(())
    }

    /// Rules anew after each change; states once: nobody else writes them.
    fn read(&mut self) -> Result<Known, StoreError> {
        let store = self.store.as_ref();
        let revision = *store.watch().borrow();
        let states = match self.known.take() {
            Some(known) if known.revision == revision => return Ok(known),
            Some(known) => known.states,
            None => store
                .list(Kind::AlarmState)?
                .into_iter()
                .filter_map(|found| Some((found.id, serde_json::from_value(found.body).ok()?)))
                .collect(),
        };
        let rules = documents::list::<Rule>(store, Kind::AlarmRule)?;
        let rules = rules.into_iter().map(|read| read.value).collect();
        Ok(Known { revision, rules, states })
    }

    fn look(
        &self,
        rule: &Rule,
        instance: &Instance,
        before: &State,
        at_s: i64,
    ) -> Result<State, StoreError> {
        let end_s = start_of(at_s, rule.period_s);
        let Some((column, unit)) = find_cloud(&rule.metric) else { return Ok(before.clone()) };
        if end_s <= before.through_s {
            return Ok(before.clone());
        }
        let points = match self.points(rule, instance, (column, unit), end_s) {
            Ok(points) => points,
            Err(error) => {
                tracing::warn!("an alarm rule cannot read its metric: {error}");
                return Ok(before.clone());
            }
        };
        let Decision { state, tell } = evaluate(rule, before, &points, end_s);
        let stood = (before.phase, before.told_s);
        if tell.is_none() && stood == (state.phase, state.told_s) {
            return Ok(state);
        }
        let key = state_key(rule, &instance.instance_id);
        let account = &rule.account_id;
        let mut changes =
            vec![documents::put(Kind::AlarmState, &key, Expect::Any, account, &state)];
        let mut sending = None;
        if let Some((event, level)) = tell {
            let newest = points.last().copied().flatten();
            let alert =
                self.alert(rule, instance, (event, level), (before.phase, newest), end_s)?;
            let log_id = alert.log_id.clone();
            changes.push(documents::put(Kind::Alert, &log_id, Expect::Absent, account, &alert));
            sending = Some(log_id);
        }
        self.store.txn(&changes)?;
        if let Some(log_id) = sending {
            // Nobody listens only when the process ends; the next one finds it in the store.
            let _ = self.outbox.send(log_id);
        }
        Ok(state)
    }

    /// As many periods as the rule looks back over, the oldest first.
    fn points(
        &self,
        rule: &Rule,
        instance: &Instance,
        (column, unit): (u16, Unit),
        end_s: i64,
    ) -> std::io::Result<Vec<Option<Point>>> {
        let (period_s, node_id) = (rule.period_s, instance.node_id());
        let from_s = end_s - period_s * i64::from(rule.times_max());
        let read = |back_s: i64| {
            let range = (from_s - back_s, end_s - back_s - 1);
            let periods = self.metrics.read(&node_id, &[column], range, period_s)?;
            let folds = periods.into_iter().filter_map(|(at, row)| Some((at, *row.get(&column)?)));
            std::io::Result::Ok(folds.collect::<BTreeMap<i64, Fold>>())
        };
        let mean = |fold: &Fold| unit.load(fold.sum as f64 / f64::from(fold.count.max(1)));
        let now = read(0)?;
        let mut bases = Vec::new();
        for condition in &rule.conditions {
            let back_s = condition.operator.back_s(period_s);
            let earlier = back_s.map(|back_s| Ok::<_, std::io::Error>((back_s, read(back_s)?)));
            bases.push(earlier.transpose()?);
        }
        let point = |start_s: i64| {
            let fold = now.get(&start_s)?;
            let base = |at: usize| {
                let (back_s, earlier) = bases.get(at)?.as_ref()?;
                earlier.get(&start_of(start_s - back_s, period_s)).map(mean)
            };
            Some(Point {
                average: mean(fold),
                maximum: unit.load(fold.max as f64),
                minimum: unit.load(fold.min as f64),
                bases: [base(0), base(1), base(2)],
            })
        };
        Ok((0..i64::from(rule.times_max())).map(|at| point(from_s + at * period_s)).collect())
    }

    fn alert(
        &self,
        rule: &Rule,
        instance: &Instance,
        (event, level): (Event, Level),
        (before, newest): (Phase, Option<Point>),
        end_s: i64,
    ) -> Result<Alert, StoreError> {
        let at_unix_ms = end_s * 1000;
        let from = match before {
            Phase::Alarm(level) => Some(level),
            _ => None,
        };
        let condition = rule.condition(level);
        let unit = find_cloud(&rule.metric).map_or("", |(_, unit)| unit.cloud());
        Ok(Alert {
            log_id: format!("{at_unix_ms:013}-{}", &random::request_id()[..8]),
            account_id: rule.account_id.clone(),
            rule_id: rule.rule_id.clone(),
            rule_name: rule.name.clone(),
            metric: rule.metric.clone(),
            instance_id: instance.instance_id.clone(),
            instance_name: instance.name.clone(),
            event,
            from,
            level,
            expression: condition.map(|condition| condition.expression()).unwrap_or_default(),
            times: condition.map_or(1, |condition| condition.times),
            value: newest.map(|point| (point.average * 1000.0).round() / 1000.0),
            unit: unit.to_owned(),
            contact_groups: rule.contact_groups.clone(),
            email_subject: rule.email_subject.clone(),
            at_unix_ms,
            deliveries: self.deliveries(rule, at_unix_ms)?,
        })
    }

    /// The rule's webhook and what its groups' contacts have; each address once.
    fn deliveries(&self, rule: &Rule, now_unix_ms: i64) -> Result<Vec<Delivery>, StoreError> {
        let store = self.store.as_ref();
        let mut found = vec![(Channel::Webhook, rule.webhook.clone())];
        for name in &rule.contact_groups {
            let key = rule_key(&rule.account_id, name);
            let group = documents::get::<ContactGroup>(store, Kind::ContactGroup, &key)?;
            for name in group.into_iter().flat_map(|read| read.value.contacts) {
                let key = rule_key(&rule.account_id, &name);
                let contact = documents::get::<Contact>(store, Kind::Contact, &key)?;
                let Some(contact) = contact.map(|read| read.value) else { continue };
                found.push((Channel::Mail, contact.mail));
                found.push((Channel::Webhook, contact.webhook));
            }
        }
        let mut deliveries: Vec<Delivery> = Vec::new();
        for (channel, address) in found.into_iter().filter(|(_, address)| !address.is_empty()) {
            let is_same = |one: &Delivery| one.channel == channel && one.address == address;
            if !deliveries.iter().any(is_same) {
                deliveries.push(Delivery::new(channel, &address, now_unix_ms));
            }
        }
        Ok(deliveries)
    }

    fn prune(&self, at_s: i64) -> Result<(), StoreError> {
        let oldest_ms = (at_s - KEPT_DAYS * 86_400) * 1000;
        let mut ids: Vec<String> =
            self.store.list(Kind::Alert)?.into_iter().map(|found| found.id).collect();
        // Ids begin with the time.
        ids.sort();
        let surplus = ids.len().saturating_sub(KEPT_MAX);
        let is_old = |id: &&String| id.as_str() < format!("{oldest_ms:013}").as_str();
        let old = ids.iter().enumerate().filter(|(at, id)| *at < surplus || is_old(id));
        let deletes: Vec<Change> =
            old.map(|(_, id)| documents::delete(Kind::Alert, id, Expect::Any)).collect();
        if deletes.is_empty() { Ok(()) } else { self.store.txn(&deletes).map(drop) }
    }
}
