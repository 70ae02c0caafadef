//! Times that are drawn from distributions, as a `timing` object states them.

use std::sync::Arc;

use rand_distr::{Distribution as _, Gamma, LogNormal, Normal};
use serde_json::{Map, Value};

use crate::error::Invalid;
use crate::rng::Rng;
use crate::timing::LONGEST_MS;

/// Below it, a duration that is drawn around is taken for a mistake.
const SHORTEST_MS: f64 = 1e-3;

/// A distribution of durations, in milliseconds. A draw is never negative, and at most a day.
#[derive(Debug, Clone, PartialEq)]
enum Durations {
    Fixed(f64),
    Uniform {
        min: f64,
        max: f64,
    },
    Normal {
        of: Normal<f64>,
        min: f64,
        max: f64,
    },
    LogNormal(LogNormal<f64>),
    Gamma(Gamma<f64>),
    /// (share of draws that are below, duration), from 0 to 1; between them on a straight line.
    Percentiles(Arc<[(f64, f64)]>),
    /// One after the other, and from the beginning again.
    Recorded(Arc<[f64]>),
}

impl Durations {
    /// Draw the duration that is number `index` of its answer.
    fn draw(&self, index: usize, rng: &mut Rng) -> f64 {
        let drawn = match self {
            Self::Fixed(ms) => *ms,
            Self::Uniform { min, max } => rng.unit().mul_add(max - min, *min),
            Self::Normal { of, min, max } => of.sample(rng).clamp(*min, *max),
            Self::LogNormal(of) => of.sample(rng),
            Self::Gamma(of) => of.sample(rng),
            Self::Percentiles(points) => between(points, rng.unit()),
            Self::Recorded(list) => list[index % list.len()],
        };
        drawn.min(LONGEST_MS)
    }

    /// The same for the one duration of an answer: a recording has one for each of many answers.
    fn draw_one(&self, rng: &mut Rng) -> f64 {
        match self {
            Self::Recorded(list) => list[(rng.draw() % list.len() as u64) as usize],
            _ => self.draw(0, rng),
        }
    }
}

fn between(points: &[(f64, f64)], share: f64) -> f64 {
    let above = points.partition_point(|(upto, _)| *upto <= share).clamp(1, points.len() - 1);
    let ((low, from), (high, to)) = (points[above - 1], points[above]);
    ((share - low) / (high - low)).mul_add(to - from, from)
}

/// Some answers have a first token that is much later.
#[derive(Debug, Clone, PartialEq)]
struct Tail {
    ratio: f64,
    factor: f64,
}

/// Some gaps are a stall: so much longer.
#[derive(Debug, Clone, PartialEq)]
struct Stall {
    ratio: f64,
    length: LogNormal<f64>,
}

/// All times are longer with the number of streams: by this factor at so many.
#[derive(Debug, Clone, PartialEq)]
struct Load {
    factor: f64,
    at_streams: f64,
}

/// What the times of one answer depend on, beside the draws.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances {
    /// How many tokens the request has.
    pub input_tokens: u64,
    /// How many other answers are on their way.
    pub streams: usize,
}

/// A first content event and gaps between content events, drawn from distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnTiming {
    ttft: Durations,
    per_input_token_ms: f64,
    tail: Option<Tail>,
    gap: Durations,
    tokens_per_event: usize,
    stall: Option<Stall>,
    load: Option<Load>,
    speed: f64,
}

impl DrawnTiming {
    /// Read a `timing` object.
    ///
    /// # Errors
    ///
    /// The text begins with the path of what is wrong, and says what is allowed.
    pub fn read(timing: &Value) -> Result<Self, Invalid> {
        const KEYS: [&str; 6] = ["ttft", "gap", "tokens_per_event", "stall", "load", "speed"];
        let timing = Object::new(timing, "", &KEYS)?;
        let ttft = timing.value("ttft");
        let input = ttft.as_ref().and_then(|(ttft, _)| ttft.get("per_input_token_us"));
        let tail = ttft.as_ref().and_then(|(ttft, _)| ttft.get("tail"));
        Ok(Self {
            per_input_token_ms: input
                .map_or(Ok(0.0), |us| number(us, "ttft.per_input_token_us", 0.0, 1e6))?
                * 1e-3,
            tail: tail.map(read_tail).transpose()?,
            ttft: read_durations(ttft, &["per_input_token_us", "tail"])?,
            gap: read_durations(timing.value("gap"), &[])?,
            tokens_per_event: whole(&timing, "tokens_per_event", 1, 1000)?,
            stall: timing.value("stall").map(|(stall, _)| read_stall(stall)).transpose()?,
            load: timing.value("load").map(|(load, _)| read_load(load)).transpose()?,
            speed: timing.number("speed", 1e-6, 1e6, Some(1.0))?,
        })
    }

    /// Whether its times depend on how long a request is.
    pub fn counts_input(&self) -> bool {
        self.per_input_token_ms > 0.0
    }

    /// When each content step is due, in seconds; `steps` of them, at least one.
    pub(crate) fn due(&self, steps: usize, given: Circumstances, rng: &mut Rng) -> Vec<f64> {
        let scale = 1e-3 / self.speed * self.load_factor(given.streams);
        let mut at = self.first(given.input_tokens, rng) * scale;
        let mut due = Vec::with_capacity(steps);
        due.push(at);
        for step in 1..steps {
            if step % self.tokens_per_event == 0 {
                at += self.next(step / self.tokens_per_event - 1, rng) * scale;
            }
            due.push(at);
        }
        due
    }

    fn first(&self, input_tokens: u64, rng: &mut Rng) -> f64 {
        let mut first = self.ttft.draw_one(rng);
        if let Some(tail) = self.tail.as_ref().filter(|tail| rng.unit() < tail.ratio) {
            first *= tail.factor;
        }
        #[allow(clippy::cast_precision_loss, reason = "a body has fewer tokens than 2^53")]
        let input = input_tokens as f64 * self.per_input_token_ms;
        first + input
    }

    fn next(&self, index: usize, rng: &mut Rng) -> f64 {
        let gap = self.gap.draw(index, rng);
        match self.stall.as_ref().filter(|stall| rng.unit() < stall.ratio) {
            Some(stall) => gap + stall.length.sample(rng).min(LONGEST_MS),
            None => gap,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "no host has 2^53 streams")]
    fn load_factor(&self, streams: usize) -> f64 {
        let Some(load) = &self.load else { return 1.0 };
        (load.factor - 1.0).mul_add(streams as f64 / load.at_streams, 1.0)
    }
}

/// A JSON object, and where it stands.
struct Object<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Object<'a> {
    fn new(value: &'a Value, path: &'a str, keys: &[&str]) -> Result<Self, Invalid> {
        let Value::Object(map) = value else {
            let name = if path.is_empty() { "timing" } else { path };
            return Err(Invalid::new(format!("{name} must be an object")));
        };
        if let Some(key) = map.keys().find(|key| !keys.contains(&key.as_str())) {
            let at = joined(path, key);
            return Err(Invalid::new(format!("{at} is not known: it can be {}", keys.join(", "))));
        }
        Ok(Self { map, path })
    }

    fn value(&self, key: &'static str) -> Option<(&'a Value, &'static str)> {
        self.map.get(key).filter(|value| !value.is_null()).map(|value| (value, key))
    }

    fn number(&self, key: &str, min: f64, max: f64, missing: Option<f64>) -> Result<f64, Invalid> {
        let at = joined(self.path, key);
        match self.map.get(key).filter(|value| !value.is_null()) {
            Some(value) => number(value, &at, min, max),
            None => missing
                .ok_or_else(|| Invalid::new(format!("{at} is required: from {min} to {max}"))),
        }
    }

    fn milliseconds(&self, key: &str, missing: Option<f64>) -> Result<f64, Invalid> {
        self.number(key, 0.0, LONGEST_MS, missing)
    }

    /// A duration to draw around.
    fn center(&self, key: &str) -> Result<f64, Invalid> {
        self.number(key, SHORTEST_MS, LONGEST_MS, None)
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn number(value: &Value, at: &str, min: f64, max: f64) -> Result<f64, Invalid> {
    match value.as_f64() {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(Invalid::new(format!("{at} must be a number from {min} to {max}, got {value}"))),
    }
}

fn whole(timing: &Object<'_>, key: &'static str, min: u64, max: u64) -> Result<usize, Invalid> {
    let Some((value, _)) = timing.value(key) else { return Ok(min as usize) };
    match value.as_u64() {
        Some(number) if (min..=max).contains(&number) => Ok(number as usize),
        _ => Err(Invalid::new(format!(
            "{key} must be a whole number from {min} to {max}, got {value}"
        ))),
    }
}

fn read_tail(tail: &Value) -> Result<Tail, Invalid> {
    let tail = Object::new(tail, "ttft.tail", &["ratio", "factor"])?;
    Ok(Tail {
        ratio: tail.number("ratio", 0.0, 1.0, None)?,
        factor: tail.number("factor", 0.0, 1e6, None)?,
    })
}

fn read_stall(stall: &Value) -> Result<Stall, Invalid> {
    let stall = Object::new(stall, "stall", &["ratio", "median_ms", "sigma"])?;
    Ok(Stall {
        ratio: stall.number("ratio", 0.0, 1.0, None)?,
        length: log_normal(stall.center("median_ms")?, stall.number("sigma", 0.0, 5.0, Some(0.5))?),
    })
}

fn read_load(load: &Value) -> Result<Load, Invalid> {
    let load = Object::new(load, "load", &["factor", "at_streams"])?;
    Ok(Load {
        factor: load.number("factor", 1.0, 1e6, None)?,
        at_streams: load.number("at_streams", 1.0, 1e9, None)?,
    })
}

fn log_normal(median: f64, sigma: f64) -> LogNormal<f64> {
    LogNormal::new(median.ln(), sigma).expect("sigma is finite and not negative")
}

const DISTRIBUTIONS: &str = "fixed, uniform, normal, lognormal, gamma, percentiles or recorded";

/// Read a distribution: an object with `dist`, or a number of milliseconds. 0 where it is left out.
fn read_durations(
    given: Option<(&Value, &'static str)>,
    beside: &[&str],
) -> Result<Durations, Invalid> {
    let Some((value, path)) = given else { return Ok(Durations::Fixed(0.0)) };
    if value.is_number() {
        return Ok(Durations::Fixed(number(value, path, 0.0, LONGEST_MS)?));
    }
    let dist = value.get("dist").and_then(Value::as_str);
    let keys: &[&str] = match dist {
        Some("fixed") => &["ms"],
        Some("uniform") => &["min_ms", "max_ms"],
        Some("normal") => &["mean_ms", "sd_ms", "min_ms", "max_ms"],
        Some("lognormal") => &["median_ms", "sigma"],
        Some("gamma") => &["mean_ms", "cv"],
        Some("percentiles") => &["min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"],
        Some("recorded") => &["list_ms"],
        _ => {
            return Err(Invalid::new(format!(
                "{path} must be a number of ms, or an object whose dist is {DISTRIBUTIONS}"
            )));
        }
    };
    let given = Object::new(value, path, &[&["dist"][..], keys, beside].concat())?;
    match dist {
        Some("uniform") => {
            let (min, max) = range(&given)?;
            Ok(Durations::Uniform { min, max })
        }
        Some("normal") => {
            let mean = given.milliseconds("mean_ms", None)?;
            let sd = given.milliseconds("sd_ms", None)?;
            let (min, max) = range(&given)?;
            let of = Normal::new(mean, sd).expect("finite, and the deviation is not negative");
            Ok(Durations::Normal { of, min, max })
        }
        Some("lognormal") => {
            let median = given.center("median_ms")?;
            Ok(Durations::LogNormal(log_normal(median, given.number("sigma", 0.0, 5.0, None)?)))
        }
        Some("gamma") => {
            let mean = given.center("mean_ms")?;
            // The variance is shape * scale^2, the mean shape * scale.
            let spread = given.number("cv", 0.01, 10.0, None)?.powi(2);
            let of = Gamma::new(1.0 / spread, mean * spread).expect("both are above zero");
            Ok(Durations::Gamma(of))
        }
        Some("percentiles") => read_percentiles(&given),
        Some("recorded") => read_recorded(&given),
        _ => Ok(Durations::Fixed(given.milliseconds("ms", None)?)),
    }
}

/// `min_ms` and `max_ms`; 0 and a day where they are left out. A uniform one needs `max_ms`.
fn range(given: &Object<'_>) -> Result<(f64, f64), Invalid> {
    let uniform = given.map.get("dist").and_then(Value::as_str) == Some("uniform");
    let min = given.milliseconds("min_ms", Some(0.0))?;
    let max = given.milliseconds("max_ms", (!uniform).then_some(LONGEST_MS))?;
    if min > max {
        let path = given.path;
        return Err(Invalid::new(format!("{path}.max_ms must be at least min_ms: {max} < {min}")));
    }
    Ok((min, max))
}

fn read_percentiles(given: &Object<'_>) -> Result<Durations, Invalid> {
    let mut points = vec![(0.0, given.milliseconds("min_ms", Some(0.0))?)];
    points.push((0.5, given.milliseconds("p50_ms", None)?));
    for (share, key) in [(0.9, "p90_ms"), (0.95, "p95_ms"), (0.99, "p99_ms")] {
        if given.map.contains_key(key) {
            points.push((share, given.milliseconds(key, None)?));
        }
    }
    let last = points[points.len() - 1].1;
    points.push((1.0, given.milliseconds("max_ms", Some(last))?));
    if !points.is_sorted_by(|(_, earlier), (_, later)| earlier <= later) {
        return Err(Invalid::new(format!("{} must never fall from min_ms to max_ms", given.path)));
    }
    Ok(Durations::Percentiles(points.into()))
}

/// The most durations of a recording.
const MAX_RECORDED: usize = 100_000;

fn read_recorded(given: &Object<'_>) -> Result<Durations, Invalid> {
    let path = joined(given.path, "list_ms");
    let wrong =
        || Invalid::new(format!("{path} must be a list of 1 to {MAX_RECORDED} numbers of ms"));
    let list = given.map.get("list_ms").and_then(Value::as_array).ok_or_else(wrong)?;
    if list.is_empty() || list.len() > MAX_RECORDED {
        return Err(wrong());
    }
    let each = list.iter().enumerate();
    let read = each.map(|(at, ms)| number(ms, &format!("{path}[{at}]"), 0.0, LONGEST_MS));
    Ok(Durations::Recorded(read.collect::<Result<_, _>>()?))
}
