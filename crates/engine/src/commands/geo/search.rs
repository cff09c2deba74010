//! GEOSEARCH key [FROMMEMBER member | FROMLONLAT longitude latitude] [BYRADIUS radius unit | BYBOX
//! width height unit | BYPOLYGON corners longitude latitude ...] [ASC | DESC] [COUNT count [ANY]]
//! [WITHCOORD] [WITHDIST] [WITHHASH], GEOSEARCHSTORE destination source ... [STOREDIST] and their
//! older forms GEORADIUS and GEORADIUSBYMEMBER: the members that lie in a piece of the earth.
//!
//! Distances from a polygon are from the middle of its corners, in metres.

use super::area::cells;
use super::geohash;
use super::place::{Place, show_degrees, show_distance};
use super::request::{Centre, Form, Order, Request};
use super::shape::Shape;
use crate::commands::Ctx;
use crate::commands::zset::range::store_under;
use crate::error::CommandError;
use crate::tick::{Tick, at_step};
use crate::types::SortedSet;
use resp::Reply;
use std::cmp::Ordering;

/// GEORADIUS key longitude latitude radius unit [options] [STORE key | STOREDIST key].
///
/// # Errors
/// Bad words, or the value is no sorted set.
pub fn georadius(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Around(Centre::Place, true))
}

/// GEORADIUS_RO.
///
/// # Errors
/// As [`georadius`].
pub fn georadius_ro(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Around(Centre::Place, false))
}

/// GEORADIUSBYMEMBER key member radius unit [options] [STORE key | STOREDIST key].
///
/// # Errors
/// As [`georadius`].
pub fn georadiusbymember(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Around(Centre::Member, true))
}

/// GEORADIUSBYMEMBER_RO.
///
/// # Errors
/// As [`georadius`].
pub fn georadiusbymember_ro(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Around(Centre::Member, false))
}

/// GEOSEARCH.
///
/// # Errors
/// As [`georadius`].
pub fn geosearch(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Search(false))
}

/// GEOSEARCHSTORE.
///
/// # Errors
/// As [`georadius`].
pub fn geosearchstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, Form::Search(true))
}

/// A member inside the shape.
struct Found<'z> {
    member: &'z [u8],
    score: f64,
    place: Place,
    distance_m: f64,
    /// How many were found before.
    number: usize,
}

fn run(ctx: &mut Ctx<'_>, form: Form) -> Result<(), CommandError> {
    let source = ctx.args.at(if form == Form::Search(true) { 2 } else { 1 });
    let (args, tick) = (ctx.args, &mut *ctx.tick);
    let zset = ctx.keys.get::<SortedSet>(source)?;
    let request = Request::parse(args, form, zset)?;
    let mut found = match (zset, &request.shape) {
        (Some(zset), Some(shape)) => {
            let limit = request.count.filter(|_| request.any);
            find(zset, shape, limit.unwrap_or(usize::MAX), tick)?
        }
        _ => Vec::new(),
    };
    order(&mut found, request.order, request.count);
    let Some(keep) = request.keep else {
        reply(&mut ctx.reply, &request, &found);
        return Ok(());
    };
    let mut result = SortedSet::result();
    for found in &found {
        let distance = found.distance_m / request.unit_m;
        result.insert(found.member, if keep.distances { distance } else { found.score });
    }
    let is_search = matches!(form, Form::Search(_));
    let event = if is_search { "geosearchstore" } else { "georadiusstore" };
    store_under(ctx, keep.key, result, event);
    Ok(())
}

/// The members inside a shape, but not more than `limit` of them.
fn find<'z>(
    zset: &'z SortedSet,
    shape: &Shape,
    limit: usize,
    tick: &mut dyn Tick,
) -> Result<Vec<Found<'z>>, CommandError> {
    let (mut found, mut step) = (Vec::new(), 0);
    for cell in cells(shape) {
        let (from, to) = cell.scores();
        let first = zset.count_before(|_, score| score < from);
        for (member, score) in zset.ascend(first).take_while(|(_, score)| *score < to) {
            if found.len() >= limit {
                return Ok(found);
            }
            at_step(step, tick)?;
            step += 1;
            let place = geohash::place(score);
            if let Some(distance_m) = shape.distance_m(place) {
                let number = found.len();
                found.push(Found { member, score, place, distance_m, number });
            }
        }
    }
    Ok(found)
}

/// Puts the first `count` into order and drops the others. Of the same distance, those that were
/// found first come first.
fn order(found: &mut Vec<Found<'_>>, order: Option<Order>, count: Option<usize>) {
    let count = count.unwrap_or(found.len()).min(found.len());
    if let Some(order) = order {
        let compare = |a: &Found<'_>, b: &Found<'_>| {
            let distances = a.distance_m.total_cmp(&b.distance_m);
            let distances = if order == Order::Nearest { distances } else { distances.reverse() };
            distances.then_with(|| a.number.cmp(&b.number))
        };
        if count < found.len() {
            found.select_nth_unstable_by(count, compare);
        }
        found.truncate(count);
        found.sort_unstable_by(|a, b| -> Ordering { compare(a, b) });
    }
    found.truncate(count);
}

fn reply(reply: &mut Reply<'_>, request: &Request<'_>, found: &[Found<'_>]) {
    let show = request.show;
    let details = [show.distance, show.hash, show.place].into_iter().filter(|shown| *shown).count();
    reply.array(found.len());
    for Found { member, score, place, distance_m, .. } in found {
        if details > 0 {
            reply.array(details + 1);
        }
        reply.bulk(member);
        if show.distance {
            reply.bulk(show_distance(distance_m / request.unit_m).as_bytes());
        }
        if show.hash {
            reply.int(*score as i64);
        }
        if show.place {
            write_place(reply, *place);
        }
    }
}

/// Writes longitude and latitude.
pub fn write_place(reply: &mut Reply<'_>, place: Place) {
    reply.array(2);
    reply.double_text(show_degrees(place.longitude).as_str());
    reply.double_text(show_degrees(place.latitude).as_str());
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    const CITIES: &str = "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania \
                          12.758489 38.788135 edge1 17.241510 38.788135 edge2 => :4";

    fn with_cities(script: &str) {
        let mut bench = Bench::new();
        bench.check(CITIES);
        bench.check(script);
    }

    #[test]
    fn searches_circles_and_boxes() {
        with_cities(
            r#"
            GEORADIUS Sicily 15 37 200 km ASC => ["Catania", "Palermo"]
            GEORADIUS Sicily 15 37 200 km WITHDIST DESC => [["Palermo", "190.4424"], ["Catania", "56.4413"]]
            GEORADIUS_RO Sicily 15 37 200 km WITHHASH COUNT 1 => [["Catania", :3479447370796909]]
            GEORADIUSBYMEMBER Sicily Catania 0 m => ["Catania"]
            GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC => ["Catania", "Palermo", "edge2", "edge1"]
            GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 100 mi COUNT 2 ANY ASC => ["Palermo", "edge1"]
            GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 0 ft WITHCOORD => [["Palermo", ["13.36138933897018433", "38.11555639549629859"]]]
            GEOSEARCH none FROMMEMBER x BYRADIUS 1 m => []
            GEORADIUSBYMEMBER none x abc xx => []
            GEOSEARCH Sicily BYPOLYGON 4 12 37 14 37 14 39 12 39 ASC => ["Palermo", "edge1"]
            GEOSEARCH Sicily BYPOLYGON 3 13 37 14 37 13.4 39 WITHDIST => [["Palermo", "50710.6070"]]
            GEOSEARCH Sicily BYPOLYGON 3 12 37 14 37 14 38.2 => []
            "#,
        );
    }

    #[test]
    fn stores() {
        with_cities(
            r#"
            GEORADIUS Sicily 15 37 200 km STORE near => :2 ~ GEORADIUS Sicily 15 37 200 km STORE near
            ZRANGE near 0 -1 WITHSCORES => ["Palermo", "3479099956230698", "Catania", "3479447370796909"]
            GEOSEARCHSTORE near Sicily FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST COUNT 1 => :1
            ZCARD near => :1
            GEOSEARCHSTORE near Sicily FROMLONLAT 1 1 BYRADIUS 1 m => :0 ~ GEOSEARCHSTORE near Sicily FROMLONLAT 1 1 BYRADIUS 1 m
            GEOSEARCHSTORE near none FROMLONLAT 1 1 BYRADIUS 1 m => :0 ~
            GEORADIUS Sicily 15 37 200 km STORE near STOREDIST => -ERR syntax error
            GEORADIUS_RO Sicily 15 37 200 km STORE near => -ERR syntax error
            GEORADIUS Sicily 15 37 200 km STORE near WITHDIST => -ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            GEOSEARCHSTORE near Sicily FROMLONLAT 15 37 BYRADIUS 200 km WITHHASH => -ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        with_cities(
            r#"
            SET s v => +OK
            GEORADIUS s 1 1 1 m => -WRONGTYPE Operation against a key holding the wrong kind of value
            GEORADIUS none 181 1 1 m => -ERR invalid longitude,latitude pair 181.000000,1.000000
            GEORADIUS none 1 1 x m => -ERR need numeric radius
            GEORADIUS none 1 1 -1 m => -ERR radius cannot be negative
            GEORADIUS none 1 1 1 x => -ERR unsupported unit provided. please use M, KM, FT, MI
            GEORADIUSBYMEMBER Sicily none 1 m => -ERR could not decode requested zset member
            GEORADIUS Sicily 1 1 1 m COUNT 0 => -ERR COUNT must be > 0
            GEORADIUS Sicily 1 1 1 m COUNT x => -ERR value is not an integer or out of range
            GEORADIUS Sicily 1 1 1 m ANY => -ERR the ANY argument requires COUNT argument
            geosearch Sicily BYRADIUS 1 m ASC ASC => -ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch
            GEOSEARCH Sicily FROMLONLAT 1 1 ASC ASC ASC => -ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH
            GEOSEARCH Sicily FROMLONLAT 1 1 BYBOX 1 x m => -ERR need numeric height
            GEOSEARCH Sicily FROMLONLAT 1 1 BYBOX -1 1 m => -ERR height or width cannot be negative
            GEOSEARCH Sicily FROMLONLAT 1 1 FROMMEMBER Palermo BYBOX 1 1 m => -ERR syntax error
            GEOSEARCH Sicily FROMLONLAT 1 1 BYBOX 1 1 m BYRADIUS 1 m => -ERR syntax error
            GEOSEARCH Sicily FROMLONLAT 1 1 BYPOLYGON 3 1 1 2 2 3 3 => -ERR syntax error
            GEOSEARCH Sicily BYPOLYGON 2 1 1 2 2 => -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
            GEOSEARCH Sicily BYPOLYGON 3 1 1 2 2 3 => -ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
            GEOSEARCH Sicily BYPOLYGON x 1 1 2 2 3 3 => -ERR invalid number of vertices
            "#,
        );
        check("GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 m FOO => -ERR syntax error");
    }
}
