//! GEOPOS and GEOHASH key [member ...], GEODIST key member member [M | KM | FT | MI]: where members
//! are, as coordinates or as standard geohashes, and how far apart.

use super::geohash;
use super::place::{show_distance, unit_m};
use super::search::write_place;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::types::SortedSet;

/// GEOPOS.
///
/// # Errors
/// The value is no sorted set.
pub fn geopos(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    ctx.reply.array(ctx.args.len() - 2);
    for member in ctx.args.from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => write_place(&mut ctx.reply, geohash::place(score)),
            None => ctx.reply.null_array(),
        }
    }
    Ok(())
}

/// GEOHASH.
///
/// # Errors
/// The value is no sorted set.
pub fn geohash(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    ctx.reply.array(ctx.args.len() - 2);
    for member in ctx.args.from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => ctx.reply.bulk(&geohash::text(geohash::place(score))),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// GEODIST.
///
/// # Errors
/// No such unit, or the value is no sorted set.
pub fn geodist(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let unit_m = match ctx.args.len() {
        4 => 1.0,
        5 => unit_m(ctx.args.at(4))?,
        _ => return Err(error::SYNTAX),
    };
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    let place = |at| Some(geohash::place(zset?.score(ctx.args.at(at))?));
    match (place(2), place(3)) {
        (Some(one), Some(other)) => {
            ctx.reply.bulk(show_distance(one.distance_m(other) / unit_m).as_bytes());
        }
        _ => ctx.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads() {
        check(
            r#"
            GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => :2
            GEODIST k Palermo Catania => "166274.1516"
            GEODIST k Palermo Catania km => "166.2742"
            GEODIST k Palermo Palermo => "0.0000"
            GEODIST k Palermo none => nil
            GEODIST none a b => nil
            GEODIST k a b x => -ERR unsupported unit provided. please use M, KM, FT, MI
            GEODIST k a b m x => -ERR syntax error
            GEOHASH k Palermo none Catania => ["sqc8b49rny0", nil, "sqdtr74hyu0"]
            GEOHASH none a => [nil]
            GEOHASH k => []
            GEOPOS k none Catania => [nil, ["15.08726745843887329", "37.50266842333162032"]]
            SET s v => +OK
            GEOPOS s a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
