//! A timing: a mapping, read.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use replay::{DrawnTiming, Pace, Timing};

use super::invalid;

const FORMS: &str = "timing must be exactly one of {ttft, gap, tokens_per_event, stall, load, \
    speed}, {ttft_ms, gap_ms}, {latency_ms}, {profile: {ttft_ms, tps, jitter}} and {recorded: \
    {ttft_ms, delays_ms}}; all but the first may have replay_speed";

/// The keys of which a timing has one that is drawn from distributions.
const DRAWN: [&str; 6] = ["ttft", "gap", "tokens_per_event", "stall", "load", "speed"];

/// Read a timing.
pub(super) fn read(timing: &Bound<'_, PyMapping>) -> PyResult<Timing> {
    let mut keys: Vec<String> = timing.keys()?.extract()?;
    if keys.iter().any(|key| DRAWN.contains(&key.as_str())) {
        return drawn(timing);
    }
    keys.retain(|key| key != "replay_speed");
    keys.sort_unstable();
    let pace = match keys.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["gap_ms", "ttft_ms"] => {
            Pace::Steps { ttft: figure(timing, "ttft_ms")?, gap: figure(timing, "gap_ms")? }
        }
        ["latency_ms"] => Pace::Latency(figure(timing, "latency_ms")?),
        ["profile"] => profile(&part(timing, "profile", &["ttft_ms", "tps", "jitter"])?)?,
        ["recorded"] => recorded(&part(timing, "recorded", &["ttft_ms", "delays_ms"])?)?,
        _ => return Err(PyValueError::new_err(FORMS)),
    };
    let speed = optional(timing, "replay_speed")?.unwrap_or(1.0);
    Timing::new(pace, speed).map_err(|error| invalid(&error))
}

/// Check a timing.
#[pyfunction]
pub(super) fn check_timing(timing: &Bound<'_, PyMapping>) -> PyResult<()> {
    read(timing).map(drop)
}

fn drawn(timing: &Bound<'_, PyMapping>) -> PyResult<Timing> {
    let plain = PyDict::new(timing.py());
    plain.update(timing)?;
    let text: String = timing.py().import("json")?.call_method1("dumps", (plain,))?.extract()?;
    let value = serde_json::from_str(&text)
        .map_err(|error| PyValueError::new_err(format!("timing is not JSON: {error}")))?;
    let drawn = DrawnTiming::read(&value).map_err(|error| invalid(&error))?;
    Timing::new(Pace::Drawn(Box::new(drawn)), 1.0).map_err(|error| invalid(&error))
}

fn profile(profile: &Bound<'_, PyMapping>) -> PyResult<Pace> {
    Ok(Pace::Profile {
        ttft: optional(profile, "ttft_ms")?,
        tps: optional(profile, "tps")?,
        jitter: optional(profile, "jitter")?.unwrap_or(0.0),
    })
}

fn recorded(recorded: &Bound<'_, PyMapping>) -> PyResult<Pace> {
    let delays = recorded.get_item("delays_ms")?.extract()?;
    Ok(Pace::Recorded { ttft: figure(recorded, "ttft_ms")?, delays })
}

fn part<'py>(
    timing: &Bound<'py, PyMapping>,
    name: &str,
    known: &[&str],
) -> PyResult<Bound<'py, PyMapping>> {
    let part = timing.get_item(name)?.cast_into::<PyMapping>()?;
    let keys: Vec<String> = part.keys()?.extract()?;
    if keys.iter().all(|key| known.contains(&key.as_str())) {
        return Ok(part);
    }
    Err(PyValueError::new_err(FORMS))
}

fn figure(mapping: &Bound<'_, PyMapping>, name: &str) -> PyResult<f64> {
    optional(mapping, name)?.ok_or_else(|| PyValueError::new_err(FORMS))
}

fn optional(mapping: &Bound<'_, PyMapping>, name: &str) -> PyResult<Option<f64>> {
    if mapping.contains(name)? { mapping.get_item(name)?.extract() } else { Ok(None) }
}
