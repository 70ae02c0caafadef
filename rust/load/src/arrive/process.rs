//! Points of rate one on a line.

use replay::Rng;

use crate::options::Process;

/// The points, in order, without end.
#[derive(Debug, Clone)]
pub struct Points {
    process: Process,
    /// Of the gamma distribution: one over the square of the coefficient of variation.
    shape: f64,
    rng: Rng,
    at: f64,
}

impl Points {
    /// The points of a process; `burstiness` is the coefficient of variation of a gamma's gaps.
    pub fn new(process: Process, burstiness: f64, seed: u64) -> Self {
        let shape = 1.0 / (burstiness * burstiness);
        // The first of evenly spaced points is at zero: a run begins with a request.
        let at = if process == Process::Constant { -1.0 } else { 0.0 };
        Self { process, shape, rng: Rng::new(&[seed, 0x6172_7269_7665]), at }
    }

    fn gap(&mut self) -> f64 {
        match self.process {
            Process::Constant => 1.0,
            Process::Poisson => self.exponential(),
            Process::Gamma => self.gamma(self.shape) / self.shape,
        }
    }

    /// In `(0, 1]`, so that its logarithm is a number.
    fn unit(&mut self) -> f64 {
        1.0 - self.rng.unit()
    }

    fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Marsaglia and Tsang (2000), with their boost for shapes below one.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.unit().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

impl Iterator for Points {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.at += self.gap();
        Some(self.at)
    }
}
