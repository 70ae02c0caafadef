//! Options that would make no sense, refused by name.

use crate::options::{Arrivals, Options};

/// Refuse what cannot be run.
pub(crate) fn check(options: &Options) -> Result<(), String> {
    if options.model.is_empty() {
        return Err("model: must not be empty".to_owned());
    }
    if !options.bodies.is_empty() && options.body_file.is_some() {
        return Err("bodies, body_file: only one of the two can be given".to_owned());
    }
    let times = [
        ("duration_s", options.duration_s, false),
        ("warmup_s", Some(options.warmup_s), true),
        ("ramp_s", Some(options.ramp_s), true),
        ("timeout_s", Some(options.timeout_s), false),
        ("grace_s", Some(options.grace_s), true),
        ("goodput.ttft_ms", options.goodput.ttft_ms, true),
        ("goodput.tpot_ms", options.goodput.tpot_ms, true),
        ("goodput.e2e_ms", options.goodput.e2e_ms, true),
    ];
    for (name, value, zero) in times {
        value.map_or(Ok(()), |value| check_figure(name, value, zero))?;
    }
    check_counts(options)?;
    check_arrivals(options)?;
    if let Some(sessions) = &options.sessions {
        if !options.operation.converses() {
            let why = "only operation converse-stream or converse can have them";
            return Err(format!("sessions: {why}"));
        }
        check_figure("sessions.think_time_ms", sessions.think_time_ms, true)?;
        if sessions.max_turns == 0 {
            return Err("sessions.max_turns: must be at least 1, got 0".to_owned());
        }
    }
    if options.expect_text.is_some() && !options.operation.converses() {
        let why = "only operation converse-stream or converse can have it";
        return Err(format!("expect_text: {why}"));
    }
    Ok(())
}

fn check_counts(options: &Options) -> Result<(), String> {
    let (index, of) = options.share;
    if index >= of {
        return Err(format!("share: must be [i, n] with i < n, got [{index}, {of}]"));
    }
    if !(1..=1024).contains(&options.threads) {
        return Err(format!("threads: must be 1 to 1024, got {}", options.threads));
    }
    if options.requests == Some(0) {
        return Err("requests: must be at least 1, got 0".to_owned());
    }
    if options.max_errors == Some(0) {
        return Err("max_errors: must be at least 1, got 0".to_owned());
    }
    if options.max_in_flight == Some(0) {
        return Err("max_in_flight: must be at least 1, got 0".to_owned());
    }
    Ok(())
}

fn check_arrivals(options: &Options) -> Result<(), String> {
    let bounded = options.duration_s.is_some() || options.requests.is_some();
    match &options.arrivals {
        Arrivals::Stages { stages, burstiness, .. } => {
            if stages.is_empty() {
                return Err("arrivals.stages: needs at least one [rate, seconds]".to_owned());
            }
            check_figure("arrivals.burstiness", *burstiness, false)?;
            for (rate, seconds) in stages {
                check_figure("arrivals.stages rate", *rate, true)?;
                check_figure("arrivals.stages seconds", *seconds, false)?;
            }
            return Ok(());
        }
        Arrivals::Trace { speed, .. } => return check_figure("arrivals.speed", *speed, false),
        Arrivals::Closed { concurrency } => {
            if !(1..=MAX_USERS).contains(concurrency) {
                let allowed = format!("must be 1 to {MAX_USERS}");
                return Err(format!("arrivals.concurrency: {allowed}, got {concurrency}"));
            }
        }
        Arrivals::Constant { rate } | Arrivals::Poisson { rate } => {
            check_figure("arrivals.rate", *rate, false)?;
        }
        Arrivals::Gamma { rate, burstiness } => {
            check_figure("arrivals.rate", *rate, false)?;
            check_figure("arrivals.burstiness", *burstiness, false)?;
        }
    }
    if bounded { Ok(()) } else { Err("duration_s, requests: one of them is needed".to_owned()) }
}

/// Users of a closed loop. Each takes memory from the start, whatever it sends.
const MAX_USERS: usize = 1_000_000;

/// A year, in seconds or in requests a second: more is a mistake, and would overflow a clock.
const MOST: f64 = 31_536_000.0;

fn check_figure(name: &str, value: f64, zero: bool) -> Result<(), String> {
    if value.is_finite() && value <= MOST && (value > 0.0 || (zero && value == 0.0)) {
        return Ok(());
    }
    let least = if zero { "at least 0" } else { "above 0" };
    Err(format!("{name}: must be {least} and at most {MOST}, got {value}"))
}
