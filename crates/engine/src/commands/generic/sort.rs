//! SORT key [BY pattern] [LIMIT start count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE key],
//! SORT_RO without STORE
//!
//! Sorts the elements of a list, set or sorted set by themselves or by values found under names
//! made from them: `*` in a pattern stands for the element, `->field` behind it means a field of a
//! hash, and GET `#` is the element itself. BY a name without `*` leaves the order as it is.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Text, Ttl, Value, ValueRef, text_of};
use crate::parse;
use crate::tick::at_step;
use crate::types::{Collection, List, Object};
use catalog::events::Classes;
use resp::Args;
use std::cmp::Ordering;

#[derive(Default)]
struct Sort<'a> {
    by: Option<&'a [u8]>,
    start: i64,
    count: Option<i64>,
    get: Vec<&'a [u8]>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
    unsorted: bool,
}

impl<'a> Sort<'a> {
    fn parse(args: Args<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut sort = Self::default();
        let mut words = args.from(2);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(error::SYNTAX);
            if parse::is(word, "ASC") {
                sort.descending = false;
            } else if parse::is(word, "DESC") {
                sort.descending = true;
            } else if parse::is(word, "ALPHA") {
                sort.alpha = true;
            } else if parse::is(word, "LIMIT") {
                let (start, count) = (value()?, value()?);
                sort.start = parse::integer(start)?;
                sort.count = Some(parse::integer(count)?);
            } else if parse::is(word, "STORE") && may_store {
                sort.store = Some(value()?);
            } else if parse::is(word, "BY") {
                let pattern = value()?;
                sort.by = Some(pattern);
                sort.unsorted = !pattern.contains(&b'*');
            } else if parse::is(word, "GET") {
                sort.get.push(value()?);
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(sort)
    }

    /// First element and number of elements that LIMIT leaves of `len`.
    fn range(&self, len: usize) -> (usize, usize) {
        let start = usize::try_from(self.start.max(0)).unwrap_or(len).min(len);
        let count = self.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(len);
        (start, count.min(len - start))
    }
}

/// Elements, their bytes in one piece of memory.
#[derive(Default)]
struct Elements {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Elements {
    fn push(&mut self, element: &[u8]) {
        self.bytes.extend_from_slice(element);
        self.ends.push(self.bytes.len());
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn at(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }
}

/// What sorts the elements, each with its element's number.
enum Weights {
    Numbers(Vec<(f64, usize)>),
    Texts(Vec<(Option<Vec<u8>>, usize)>),
}

impl Weights {
    /// The elements' numbers in order.
    fn sort(self, elements: &Elements, descending: bool) -> Vec<usize> {
        let turned = |order: Ordering| if descending { order.reverse() } else { order };
        match self {
            Self::Numbers(mut rows) => {
                // Those that are still alike are equal.
                rows.sort_unstable_by(|(a, at), (b, bt)| {
                    let by_bytes = || elements.at(*at).cmp(elements.at(*bt));
                    turned(a.total_cmp(b).then_with(by_bytes))
                });
                rows.into_iter().map(|(_, number)| number).collect()
            }
            Self::Texts(mut rows) => {
                rows.sort_by(|(a, _), (b, _)| turned(a.cmp(b)));
                rows.into_iter().map(|(_, number)| number).collect()
            }
        }
    }
}

/// A weight as `strtod` reads it from a C string: nothing is 0.
fn weight(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next()?.trim_ascii_start();
    if text.is_empty() {
        return Some(0.0);
    }
    parse::double_text(text).filter(|value| parse::in_range(text, *value))
}

/// SORT.
///
/// # Errors
/// Bad options, no list, set or sorted set, or a weight that is no number.
pub fn sort(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, true)
}

/// SORT_RO.
///
/// # Errors
/// As [`sort`].
pub fn sort_ro(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, false)
}

fn run(ctx: &mut Ctx<'_>, may_store: bool) -> Result<(), CommandError> {
    let mut sort = Sort::parse(ctx.args, may_store)?;
    let (elements, ordered) = elements(ctx)?;
    if sort.unsorted && !ordered && (sort.store.is_some() || ctx.scripted) {
        // What is stored, and what a script goes on with, must not depend on the order of a set,
        // which nobody sees.
        (sort.unsorted, sort.alpha, sort.by) = (false, true, None);
    }
    let mut order: Vec<usize> =
        if sort.unsorted { (0..elements.len()).collect() } else { sorted(ctx, &sort, &elements)? };
    if sort.unsorted && sort.descending && ordered {
        order.reverse();
    }
    let (start, count) = sort.range(elements.len());
    let chosen = order[start..start + count].iter().map(|number| elements.at(*number));
    match sort.store {
        Some(to) => store(ctx, &sort, chosen, to),
        None => {
            ctx.reply.array(count * sort.get.len().max(1));
            for element in chosen {
                if sort.get.is_empty() {
                    ctx.reply.bulk(element);
                }
                for pattern in &sort.get {
                    let value = look_up(ctx, pattern, element);
                    ctx.reply.bulk_or_null(value.as_deref());
                }
            }
            Ok(())
        }
    }
}

/// The elements, and whether their order means something.
fn elements(ctx: &mut Ctx<'_>) -> Result<(Elements, bool), CommandError> {
    let mut elements = Elements::default();
    let mut ordered = true;
    match ctx.keys.read(ctx.args.at(1)).map(crate::keyspace::Entry::value) {
        None => {}
        Some(ValueRef::Object(Object::List(list))) => {
            list.iter().for_each(|element| elements.push(element));
        }
        Some(ValueRef::Object(Object::SortedSet(zset))) => {
            zset.iter().for_each(|(member, _)| elements.push(member));
        }
        Some(ValueRef::Object(Object::Set(set))) => {
            set.iter().for_each(|member| member.with(|bytes| elements.push(bytes)));
            ordered = false;
        }
        Some(_) => return Err(error::WRONG_TYPE),
    }
    Ok((elements, ordered))
}

/// The elements' numbers in the order asked for.
fn sorted(
    ctx: &mut Ctx<'_>,
    sort: &Sort<'_>,
    elements: &Elements,
) -> Result<Vec<usize>, CommandError> {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for at in 0..elements.len() {
        at_step(at, ctx.tick)?;
        let element = elements.at(at);
        let found = sort.by.map(|pattern| look_up(ctx, pattern, element));
        if sort.alpha {
            texts.push((found.unwrap_or_else(|| Some(element.to_vec())), at));
            continue;
        }
        let number = match &found {
            None => weight(element),
            Some(Some(text)) => weight(text),
            Some(None) => Some(0.0),
        };
        // Both zeroes are one weight.
        numbers.push((number.ok_or(error::BAD_SORT_WEIGHT)? + 0.0, at));
    }
    let weights = if sort.alpha { Weights::Texts(texts) } else { Weights::Numbers(numbers) };
    let order = weights.sort(elements, sort.descending);
    ctx.tick.tick()?;
    Ok(order)
}

/// The value that a pattern means for an element.
fn look_up(ctx: &mut Ctx<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (head, tail) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = tail.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < tail.len());
    let (tail, field) = match arrow {
        Some(at) => (&tail[..at], Some(&tail[at + 2..])),
        None => (tail, None),
    };
    let key = [head, element, tail].concat();
    ctx.keys.forget();
    let entry = ctx.keys.read(&key)?;
    let value = match (field, entry.value()) {
        (Some(field), ValueRef::Object(Object::Hash(hash))) => hash.get(field).map(<[u8]>::to_vec),
        (Some(_), _) => None,
        (None, _) => text_of(entry).ok().map(Text::into_vec),
    };
    ctx.keys.forget();
    value
}

fn store<'e>(
    ctx: &mut Ctx<'_>,
    sort: &Sort<'_>,
    chosen: impl Iterator<Item = &'e [u8]>,
    to: &[u8],
) -> Result<(), CommandError> {
    let mut list = List::new();
    for element in chosen {
        if sort.get.is_empty() {
            list.push_back(element);
        }
        for pattern in &sort.get {
            list.push_back(&look_up(ctx, pattern, element).unwrap_or_default());
        }
    }
    let len = list.len();
    if len > 0 {
        ctx.keys.set(to, Value::Object(Box::new(list.into_object())), Ttl::Clear);
        ctx.keys.event(Classes::LIST, "sortstore", to);
        ctx.propagate_verbatim();
    } else if ctx.keys.remove(to) {
        ctx.keys.event(Classes::GENERIC, "del", to);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn sorts() {
        check(
            r#"
            RPUSH l 3 10 1 2 => :4
            SORT l => ["1", "2", "3", "10"]
            SORT l DESC LIMIT 1 2 => ["3", "2"]
            SORT l ALPHA => ["1", "10", "2", "3"]
            SORT l LIMIT 2 -1 => ["3", "10"]
            SORT l LIMIT 9 1 => []
            SORT l BY nosort DESC => ["2", "1", "10", "3"]
            MSET w_1 9 w_2 8 w_3 7 v_1 a v_2 b => +OK
            SORT l BY w_* => ["10", "3", "2", "1"]
            SORT l BY w_* GET # GET v_* LIMIT 2 2 => ["2", "b", "1", "a"]
            SORT l GET none_* STORE to => :4
            LRANGE to 0 -1 => ["", "", "", ""]
            SORT none STORE to => :0 ~ SORT none STORE to
            HSET h_1 f 5 => :1
            SORT l BY h_*->f GET h_*->f LIMIT 3 1 => ["5"]
            SORT w_1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            RPUSH words b a => :2
            SORT words => -ERR One or more scores can't be converted into double
            RPUSH odd "" 0x2 1 => :3
            SORT odd => ["", "1", "0x2"]
            SORT_RO words ALPHA => ["a", "b"]
            SORT_RO words ALPHA STORE x => -ERR syntax error
            SORT l LIMIT 1 => -ERR syntax error
            SADD s c a b => :3
            SORT s BY nosort STORE to => :3
            LRANGE to 0 -1 => ["a", "b", "c"]
            "#,
        );
    }
}
