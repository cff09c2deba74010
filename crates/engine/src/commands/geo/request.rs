//! The words of a search: where from, how far, what is told of each place and what is kept. They
//! are read in the order of Redis, whose errors depend on it.

use super::geohash;
use super::place::{Place, unit_m};
use super::shape::{Outline, Shape};
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::SortedSet;
use resp::Args;

/// What the name of a command says about its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Centre and radius at fixed words; true when it may store.
    Around(Centre, bool),
    /// Everything in options; true when the destination comes first.
    Search(bool),
}

/// How the centre is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centre {
    /// By its coordinates.
    Place,
    /// As a member of the set.
    Member,
}

/// What is told about each place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Show {
    /// Its distance.
    pub distance: bool,
    /// Its score.
    pub hash: bool,
    /// Its coordinates.
    pub place: bool,
}

/// Which places come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The nearest.
    Nearest,
    /// The farthest.
    Farthest,
}

/// What is kept of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep<'a> {
    /// Under which key.
    pub key: &'a [u8],
    /// Distances in place of scores.
    pub distances: bool,
}

/// A search.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where to look; `None` when there is no set to look in.
    pub shape: Option<Shape>,
    /// Metres of the unit of distances.
    pub unit_m: f64,
    /// What is told of each place.
    pub show: Show,
    /// In which order.
    pub order: Option<Order>,
    /// At most so many.
    pub count: Option<usize>,
    /// Any of them, not those that come first.
    pub any: bool,
    /// Where they are kept, if they are.
    pub keep: Option<Keep<'a>>,
}

/// The words of a request while they are read.
struct Words<'a, 'z> {
    args: Args<'a>,
    at: usize,
    form: Form,
    zset: Option<&'z SortedSet>,
    from: Option<Centre>,
    centre: Option<Place>,
    outline: Option<Outline>,
    request: Request<'a>,
}

impl<'a> Request<'a> {
    /// Reads the words of a search in `zset`.
    ///
    /// # Errors
    /// What Redis says.
    pub fn parse(
        args: Args<'a>,
        form: Form,
        zset: Option<&SortedSet>,
    ) -> Result<Self, CommandError> {
        let request = Self {
            shape: None,
            unit_m: 1.0,
            show: Show::default(),
            order: None,
            count: None,
            any: false,
            keep: None,
        };
        let (from, centre, outline) = (None, None, None);
        let mut words = Words { args, at: 0, form, zset, from, centre, outline, request };
        words.read_fixed()?;
        while words.at < args.len() {
            if !words.read_common()? && !words.read_keep() && !words.read_search()? {
                return Err(error::SYNTAX);
            }
        }
        words.finish()
    }
}

impl<'a> Words<'a, '_> {
    fn left(&self) -> usize {
        self.args.len() - self.at
    }

    /// Takes a word that is `name` and has so many words behind it.
    fn take(&mut self, name: &str, behind: usize) -> bool {
        let found = parse::is(self.args.at(self.at), name) && self.left() > behind;
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> &'a [u8] {
        self.at += 1;
        self.args.at(self.at - 1)
    }

    fn read_fixed(&mut self) -> Result<(), CommandError> {
        self.at = 2;
        match self.form {
            Form::Search(false) => {}
            Form::Search(true) => {
                self.at = 3;
                self.request.keep = Some(Keep { key: self.args.at(1), distances: false });
            }
            Form::Around(Centre::Place, _) => {
                self.centre = Some(Place::parse(self.next(), self.next())?);
                self.read_circle()?;
            }
            // Without a set, neither the member nor the radius is looked at.
            Form::Around(Centre::Member, _) if self.zset.is_none() => self.at = 5,
            Form::Around(Centre::Member, _) => {
                self.read_member()?;
                self.read_circle()?;
            }
        }
        Ok(())
    }

    fn read_member(&mut self) -> Result<(), CommandError> {
        let member = self.next();
        if let Some(zset) = self.zset {
            let score = zset.score(member).ok_or(error::NO_PLACE_OF_MEMBER)?;
            self.centre = Some(geohash::place(score));
        }
        Ok(())
    }

    fn read_circle(&mut self) -> Result<(), CommandError> {
        let radius = parse::double(self.next()).map_err(|_| error::BAD_RADIUS)?;
        if radius < 0.0 {
            return Err(error::RADIUS_NEGATIVE);
        }
        self.request.unit_m = unit_m(self.next())?;
        self.outline = Some(Outline::Circle(radius * self.request.unit_m));
        Ok(())
    }

    fn read_box(&mut self) -> Result<(), CommandError> {
        let width = parse::double(self.next()).map_err(|_| error::BAD_WIDTH)?;
        let height = parse::double(self.next()).map_err(|_| error::BAD_HEIGHT)?;
        if width < 0.0 || height < 0.0 {
            return Err(error::BOX_NEGATIVE);
        }
        let unit_m = unit_m(self.next())?;
        self.request.unit_m = unit_m;
        self.outline = Some(Outline::Box(width * unit_m, height * unit_m));
        Ok(())
    }

    fn read_polygon(&mut self) -> Result<(), CommandError> {
        let count = parse::integer(self.next()).map_err(|_| error::BAD_CORNER_COUNT)?;
        let count = usize::try_from(count).unwrap_or(0);
        if count < 3 || self.left() / 2 < count {
            return Err(error::TOO_FEW_CORNERS);
        }
        let mut corners = Vec::with_capacity(count);
        for _ in 0..count {
            corners.push(Place::parse(self.next(), self.next())?);
        }
        self.request.unit_m = 1.0;
        self.outline = Some(Outline::Polygon(corners));
        Ok(())
    }

    /// Options of all searches; false when the word is none of them.
    fn read_common(&mut self) -> Result<bool, CommandError> {
        if self.take("WITHDIST", 0) {
            self.request.show.distance = true;
        } else if self.take("WITHHASH", 0) {
            self.request.show.hash = true;
        } else if self.take("WITHCOORD", 0) {
            self.request.show.place = true;
        } else if self.take("ANY", 0) {
            self.request.any = true;
        } else if self.take("ASC", 0) {
            self.request.order = Some(Order::Nearest);
        } else if self.take("DESC", 0) {
            self.request.order = Some(Order::Farthest);
        } else if self.take("COUNT", 1) {
            let count = usize::try_from(parse::integer(self.next())?).unwrap_or(0);
            self.request.count = Some(count).filter(|count| *count > 0);
            if self.request.count.is_none() {
                return Err(error::GEO_COUNT_NOT_POSITIVE);
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Options that store; false when the word is none of them.
    fn read_keep(&mut self) -> bool {
        let form = self.form;
        if form == Form::Search(true) && self.take("STOREDIST", 0) {
            self.request.keep.iter_mut().for_each(|keep| keep.distances = true);
            return true;
        }
        let distances = match form {
            Form::Around(_, true) if self.take("STORE", 1) => false,
            Form::Around(_, true) if self.take("STOREDIST", 1) => true,
            _ => return false,
        };
        self.request.keep = Some(Keep { key: self.next(), distances });
        true
    }

    /// Options of GEOSEARCH; false when the word is none of them, or one too many.
    fn read_search(&mut self) -> Result<bool, CommandError> {
        if !matches!(self.form, Form::Search(_)) {
            return Ok(false);
        }
        let is_polygon = matches!(self.outline, Some(Outline::Polygon(_)));
        let is_circle = matches!(self.outline, Some(Outline::Circle(_)));
        let is_box = matches!(self.outline, Some(Outline::Box(..)));
        if !is_polygon && self.from != Some(Centre::Place) && self.take("FROMMEMBER", 1) {
            self.from = Some(Centre::Member);
            self.read_member()?;
        } else if !is_polygon && self.from != Some(Centre::Member) && self.take("FROMLONLAT", 2) {
            self.from = Some(Centre::Place);
            self.centre = Some(Place::parse(self.next(), self.next())?);
        } else if !is_polygon && !is_box && self.take("BYRADIUS", 2) {
            self.read_circle()?;
        } else if !is_polygon && !is_circle && self.take("BYBOX", 3) {
            self.read_box()?;
        } else if self.from.is_none() && !is_box && !is_circle && self.take("BYPOLYGON", 2) {
            self.read_polygon()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn finish(self) -> Result<Request<'a>, CommandError> {
        let Self { args, form, zset, from, centre, outline, mut request, .. } = self;
        if request.keep.is_some() && request.show != Show::default() {
            return Err(error::geo_stores_no_details(matches!(form, Form::Search(_))));
        }
        if matches!(form, Form::Search(_)) {
            let is_polygon = matches!(outline, Some(Outline::Polygon(_)));
            if from.is_none() && !is_polygon {
                return Err(error::geo_needs_one_of("FROMMEMBER or FROMLONLAT", args.at(0)));
            }
            if outline.is_none() {
                return Err(error::geo_needs_one_of("BYRADIUS and BYBOX", args.at(0)));
            }
        }
        if request.any && request.count.is_none() {
            return Err(error::ANY_WITHOUT_COUNT);
        }
        // To find the first ones they must be ordered, unless any will do.
        if request.count.is_some() && !request.any {
            request.order = request.order.or(Some(Order::Nearest));
        }
        if zset.is_some() {
            request.shape = match (outline, centre) {
                (Some(Outline::Polygon(corners)), _) => Some(Shape::polygon(corners)),
                (Some(outline), Some(centre)) => Some(Shape { centre, outline }),
                _ => None,
            };
        }
        Ok(request)
    }
}
