//! How many requests a second, over time.

/// A rate that changes linearly within segments.
#[derive(Debug, Clone)]
pub struct Intensity {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Where it begins: in seconds, and in arrivals.
    start: f64,
    mass: f64,
    seconds: f64,
    from: f64,
    to: f64,
}

impl Segment {
    fn mass(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.seconds
    }

    /// Seconds from its start until `mass` arrivals.
    fn invert(&self, mass: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        if slope == 0.0 || self.seconds.is_infinite() {
            return mass / self.from;
        }
        // Of the two roots of slope/2 t² + from t - mass, in the form that does not cancel.
        2.0 * mass / (self.from + (self.from * self.from + 2.0 * slope * mass).max(0.0).sqrt())
    }
}

impl Intensity {
    /// A rate that rises from nothing over `ramp` seconds, and stays.
    pub fn steady(rate: f64, ramp: f64) -> Self {
        Self::of(&[(ramp, 0.0, rate), (f64::INFINITY, rate, rate)])
    }

    /// Rates, each for its seconds; the first one is reached over `ramp` seconds of its own.
    pub fn stages(stages: &[(f64, f64)], ramp: f64) -> Self {
        let mut parts = vec![(ramp, 0.0, stages.first().map_or(0.0, |stage| stage.0))];
        parts.extend(stages.iter().map(|(rate, seconds)| (*seconds, *rate, *rate)));
        Self::of(&parts)
    }

    fn of(parts: &[(f64, f64, f64)]) -> Self {
        let (mut start, mut mass) = (0.0, 0.0);
        let mut segments = Vec::new();
        for &(seconds, from, to) in parts.iter().filter(|part| part.0 > 0.0) {
            let segment = Segment { start, mass, seconds, from, to };
            start += seconds;
            mass += segment.mass();
            segments.push(segment);
        }
        Self { segments }
    }

    /// When `mass` arrivals have come, in seconds; `None` if they never do.
    pub fn invert(&self, mass: f64) -> Option<f64> {
        let after = self.segments.partition_point(|segment| segment.mass <= mass);
        // A stage at rate zero has the mass of the next one; the later of the two is the one.
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let mass = mass - segment.mass;
        if mass >= segment.mass() && !segment.seconds.is_infinite() {
            return None;
        }
        Some(segment.start + segment.invert(mass))
    }

    /// The rate's mean over its first `seconds`, in requests a second.
    pub fn mean(&self, seconds: f64) -> f64 {
        let arrivals: f64 = self
            .segments
            .iter()
            .map(|segment| {
                let length = (seconds - segment.start).clamp(0.0, segment.seconds);
                let end = if segment.seconds.is_infinite() {
                    segment.to
                } else {
                    segment.from + (segment.to - segment.from) * length / segment.seconds
                };
                f64::midpoint(segment.from, end) * length
            })
            .sum();
        arrivals / seconds
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }
}
