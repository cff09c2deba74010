//! Which key is next: uniform, or by Zipf's law with key 0 the hottest. Pure arithmetic over a
//! seeded generator.

use std::fmt;
use std::str::FromStr;
use stdx::Rng;

/// Exponent of `zipf` without one: the usual model of skewed access to a cache.
const THETA: f64 = 0.99;

/// A law of choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distribution {
    /// Every key alike.
    Uniform,
    /// Key `i` in proportion to `(i + 1)^-theta`.
    Zipf {
        /// Exponent, above 0.
        theta: f64,
    },
}

impl FromStr for Distribution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            None if text == "zipf" => Ok(Self::Zipf { theta: THETA }),
            Some(("zipf", theta)) => match theta.parse() {
                Ok(theta) if 0.0 < theta && theta <= 10.0 => Ok(Self::Zipf { theta }),
                _ => Err(format!("theta is a number above 0 and at most 10, not '{theta}'")),
            },
            _ => Err("choose uniform, zipf or zipf:THETA".into()),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf { theta } => write!(f, "zipf:{theta}"),
        }
    }
}

/// Draws key numbers below a bound.
#[derive(Debug, Clone)]
pub enum Sampler {
    /// Every number alike, below this.
    Uniform(u64),
    /// By Zipf's law.
    Zipf(Zipf),
}

impl Sampler {
    /// A sampler of `0..keys`, in constant time and space for any number of keys.
    #[must_use]
    pub fn new(distribution: Distribution, keys: u64) -> Self {
        match distribution {
            Distribution::Uniform => Self::Uniform(keys),
            Distribution::Zipf { theta } => Self::Zipf(Zipf::new(keys, theta)),
        }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> u64 {
        match self {
            Self::Uniform(keys) => rng.below(*keys as usize) as u64,
            Self::Zipf(zipf) => zipf.draw(rng),
        }
    }
}

/// Zipf's law by rejection-inversion (Hörmann and Derflinger, 1996): invert the integral of a
/// continuous hat over the law, and reject the few draws that fall between hat and law.
#[derive(Debug, Clone)]
pub struct Zipf {
    keys: f64,
    theta: f64,
    area_first: f64,
    area_all: f64,
    accept_below: f64,
}

impl Zipf {
    fn new(keys: u64, theta: f64) -> Self {
        let keys = keys as f64;
        let mut zipf = Self { keys, theta, area_first: 0.0, area_all: 0.0, accept_below: 0.0 };
        zipf.area_first = zipf.area(1.5) - 1.0;
        zipf.area_all = zipf.area(keys + 0.5);
        zipf.accept_below = 2.0 - zipf.area_inverse(zipf.area(2.5) - zipf.density(2.0));
        zipf
    }

    fn draw(&self, rng: &mut Rng) -> u64 {
        loop {
            let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let area = self.area_all + unit * (self.area_first - self.area_all);
            let place = self.area_inverse(area);
            let rank = place.round().clamp(1.0, self.keys);
            let near = rank - place <= self.accept_below;
            if near || area >= self.area(rank + 0.5) - self.density(rank) {
                return rank as u64 - 1;
            }
        }
    }

    fn density(&self, x: f64) -> f64 {
        (-self.theta * x.ln()).exp()
    }

    /// Integral of the density from 1 to `x`.
    fn area(&self, x: f64) -> f64 {
        let log = x.ln();
        let scaled = (1.0 - self.theta) * log;
        // Near theta = 1 the quotient loses its digits; its limit is the logarithm.
        if scaled.abs() < 1e-9 { log } else { scaled.exp_m1() / (1.0 - self.theta) }
    }

    fn area_inverse(&self, area: f64) -> f64 {
        let scaled = (area * (1.0 - self.theta)).max(-1.0);
        if scaled.abs() < 1e-9 { area.exp() } else { (scaled.ln_1p() / (1.0 - self.theta)).exp() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(text: &str, keys: u64) -> Vec<f64> {
        const DRAWS: u32 = 200_000;
        let sampler = Sampler::new(text.parse().expect("is a distribution"), keys);
        let mut rng = Rng::new(7);
        let mut counts = vec![0u32; keys as usize];
        for _ in 0..DRAWS {
            counts[sampler.draw(&mut rng) as usize] += 1;
        }
        counts.iter().map(|&count| f64::from(count) / f64::from(DRAWS)).collect()
    }

    #[test]
    fn shares_follow_the_law() {
        for (text, theta) in
            [("uniform", 0.0), ("zipf:0.5", 0.5), ("zipf", 0.99), ("zipf:1", 1.0), ("zipf:2", 2.0)]
        {
            let got = shares(text, 10);
            let weights: Vec<f64> = (1..=10).map(|rank| f64::from(rank).powf(-theta)).collect();
            let sum: f64 = weights.iter().sum();
            for (rank, weight) in weights.iter().enumerate() {
                let gap = (got[rank] - weight / sum).abs();
                assert!(gap < 0.005, "{text}, key {rank}: {} not {}", got[rank], weight / sum);
            }
        }
    }

    #[test]
    fn draws_stay_within_bounds() {
        let mut rng = Rng::new(1);
        for keys in [1, 2, 3, 1 << 40] {
            for text in ["uniform", "zipf", "zipf:3"] {
                let sampler = Sampler::new(text.parse().expect("is a distribution"), keys);
                assert!((0..1_000).all(|_| sampler.draw(&mut rng) < keys), "{text} {keys}");
            }
        }
    }

    #[test]
    fn names() {
        for (text, want) in
            [("zipf", "zipf:0.99"), ("zipf:1.2", "zipf:1.2"), ("uniform", "uniform")]
        {
            assert_eq!(text.parse::<Distribution>().map(|d| d.to_string()), Ok(want.to_owned()));
        }
        for text in ["gauss", "zipf:0", "zipf:x", "zipf:NaN", ""] {
            assert!(text.parse::<Distribution>().is_err(), "{text}");
        }
    }
}
