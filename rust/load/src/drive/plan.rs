//! What a run does, worked out of its options before it begins.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use crate::answer::Want;
use crate::arrive::{Entry, Intensity, Limits, Points, Schedule, read_trace};
use crate::measure::{Asked, Window, ns, seconds};
use crate::options::{Arrivals, Http, Options, Process};
use crate::request::Bodies;
use crate::wire::{Target, client_config};

/// A run, planned.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: Options,
    pub(super) target: Target,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) bodies: Bodies,
    pub(super) trace: Option<Arc<[Entry]>>,
    /// Whether a trace says what is asked, and not only when.
    pub(super) traced_bodies: bool,
    pub(super) window: Window,
    pub(super) want: Want,
}

impl Plan {
    pub(super) fn new(options: Options) -> Result<Self, String> {
        let target = Target::new(&options.url, options.operation, &options.model)?;
        let tls = if target.tls { Some(client_config(&options.tls, options.http)?) } else { None };
        let bodies = Bodies::new(&options)?;
        let trace = match &options.arrivals {
            Arrivals::Trace { path, format, .. } => {
                let wrong = |why: &dyn std::fmt::Display| format!("arrivals.path: {path}: {why}");
                let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
                let entries = read_trace(&text, path.as_ref(), *format);
                Some(entries.map_err(|why| wrong(&why))?.into())
            }
            _ => None,
        };
        let given = !options.bodies.is_empty() || options.body_file.is_some();
        let start = ns(options.warmup_s);
        let window = Window { start, end: start.saturating_add(length(&options)) };
        let want = Want {
            operation: options.operation,
            text: options.expect_text.as_deref().map(Arc::from),
            keep: options.sessions.is_some(),
        };
        let traced_bodies = trace.is_some() && !given;
        Ok(Self { options, target, tls, bodies, trace, traced_bodies, window, want })
    }

    /// The open-loop arrivals of a thread; `None` in a closed loop.
    pub(super) fn schedule(&self, thread: usize) -> Option<Schedule> {
        let (index, of) = self.options.share;
        let share = (index + of * thread as u64, of * self.options.threads as u64);
        let limits =
            Limits { requests: self.options.requests.unwrap_or(u64::MAX), end: self.window.end };
        if let (Some(entries), Arrivals::Trace { speed, .. }) =
            (&self.trace, &self.options.arrivals)
        {
            return Some(Schedule::of_trace(Arc::clone(entries), *speed, share, limits));
        }
        let (process, burstiness) = match self.options.arrivals {
            Arrivals::Poisson { .. } => (Process::Poisson, 1.0),
            Arrivals::Gamma { burstiness, .. } => (Process::Gamma, burstiness),
            Arrivals::Stages { process, burstiness, .. } => (process, burstiness),
            _ => (Process::Constant, 1.0),
        };
        let points = Points::new(process, burstiness, self.options.seed);
        Some(Schedule::of_process(points, intensity(&self.options)?, share, limits))
    }

    /// What was asked for inside the window.
    pub(super) fn asked(&self, ended: u64) -> Asked {
        let arrivals = self.arrivals(ended);
        match self.options.sessions {
            Some(_) => Asked::Sessions(arrivals),
            None => Asked::Requests(arrivals),
        }
    }

    /// Arrivals a second inside the window; `None` in a closed loop.
    fn arrivals(&self, ended: u64) -> Option<f64> {
        let (start, end) = (seconds(self.window.start), seconds(self.window.end.min(ended)));
        #[allow(clippy::cast_precision_loss, reason = "shares are small")]
        let share = 1.0 / self.options.share.1 as f64;
        let within = |until: f64| -> Option<f64> {
            if let (Some(entries), Arrivals::Trace { speed, .. }) =
                (&self.trace, &self.options.arrivals)
            {
                #[allow(clippy::cast_precision_loss, reason = "a count of lines")]
                return Some(entries.partition_point(|entry| entry.at / speed < until) as f64);
            }
            Some(intensity(&self.options)?.mean(until) * until)
        };
        let before = if start > 0.0 { within(start)? } else { 0.0 };
        (end > start).then_some(())?;
        Some((within(end)? - before) / (end - start) * share)
    }

    /// Whether HTTP/2 is spoken without asking.
    pub(super) fn prior_knowledge(&self) -> bool {
        self.options.http == Http::H2
    }
}

fn intensity(options: &Options) -> Option<Intensity> {
    match &options.arrivals {
        Arrivals::Closed { .. } | Arrivals::Trace { .. } => None,
        Arrivals::Constant { rate } | Arrivals::Poisson { rate } | Arrivals::Gamma { rate, .. } => {
            Some(Intensity::steady(*rate, options.ramp_s))
        }
        Arrivals::Stages { stages, .. } => Some(Intensity::stages(stages, options.ramp_s)),
    }
}

/// How long a run lasts after its warm-up, as far as that is known.
fn length(options: &Options) -> u64 {
    let given = options.duration_s.map_or(u64::MAX, ns);
    match (&options.arrivals, intensity(options)) {
        (Arrivals::Stages { .. }, Some(stages)) => {
            given.min(ns(stages.seconds()).saturating_sub(ns(options.warmup_s)))
        }
        _ => given,
    }
}
